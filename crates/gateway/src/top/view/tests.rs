//! The screen at several sizes, from one status.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::fixture;

fn app() -> App {
    let mut app = App::new("http://127.0.0.1:8787".to_owned());
    app.answered(Ok(fixture::status()));
    app
}

fn screen(app: &App, width: u16, height: u16) -> String {
    let mut terminal =
        Terminal::new(TestBackend::new(width, height)).expect("no terminal fails here");
    terminal.draw(|frame| draw(frame, app)).expect("it is drawn");
    terminal.backend().to_string()
}

#[test]
fn everything_fits_a_usual_terminal() {
    insta::assert_snapshot!(screen(&app(), 80, 24));
}

#[test]
fn the_chosen_service_is_shown_in_detail_and_help_on_top() {
    let mut app = app();
    app.pressed(KeyEvent::new(KeyCode::Down, KeyModifiers::NONE));
    insta::assert_snapshot!("second_service", screen(&app, 100, 20));
    app.pressed(KeyEvent::new(KeyCode::Char('?'), KeyModifiers::NONE));
    app.pressed(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::NONE));
    insta::assert_snapshot!("help", screen(&app, 80, 24));
}

#[test]
fn without_an_answer_it_says_why() {
    let mut app = App::new("http://127.0.0.1:8787".to_owned());
    app.answered(Err("nothing answers".to_owned()));
    insta::assert_snapshot!(screen(&app, 60, 6));
}

#[test]
fn no_size_is_too_small() {
    for (width, height) in [(1, 1), (2, 3), (10, 5), (300, 2), (5, 100)] {
        let mut app = app();
        app.help = true;
        screen(&app, width, height);
    }
}
