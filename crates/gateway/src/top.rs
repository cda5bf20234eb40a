//! The command `top`: where everything stands at a running server, in the terminal, as it changes.
//!
//! One thread asks the server, this one draws and reads keys; neither waits for the other. The terminal is
//! given back as it was, however the command ends: by a key, a signal, a failure or a panic.

mod app;
mod gauge;
mod view;

use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tidegate_observability::Status;
use tidegate_units::Span;

use crate::arguments::TopArguments;
use crate::exit::Failure;
use crate::remote::{self, Remote};
use app::{App, Flow};

/// How often signals and answers are looked for while no key comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often the server may be asked.
const INTERVALS: (Span, Span) = (Span::from_millis(100), Span::from_secs(60));

/// What came of asking.
type Answer = Result<Status, String>;

/// Shows until it is ended.
///
/// # Errors
///
/// [`Failure::Refused`] for an interval or a URL that is wrong, [`Failure::Failed`] without a terminal, or when
/// nobody answers at the start.
pub(crate) fn run(arguments: &TopArguments) -> Result<(), Failure> {
    let (shortest, longest) = INTERVALS;
    if !(shortest..=longest).contains(&arguments.interval) {
        let fault = format!("--interval {}: use {shortest} to {longest}", arguments.interval);
        return Err(Failure::Refused(vec![fault]));
    }
    let remote = Remote::new(&arguments.backend)?;
    if !stdout().is_terminal() {
        let fault = "`top` needs a terminal: use `tidegate status` to print once";
        return Err(Failure::failed(fault));
    }
    // A server that is not there is said like any other failure, and not on a screen that then vanishes.
    let first = ask(&remote)?;
    let ended = ending().map_err(|error| Failure::failed(format!("signals: {error}")))?;
    let answers = asking(remote, arguments.interval.to_duration());
    let mut app = App::new(arguments.backend.url.clone());
    app.answered(Ok(first));
    let failed = |error| Failure::failed(format!("the terminal: {error}"));
    let mut terminal = ratatui::try_init().map_err(failed)?;
    let shown = show(&mut terminal, &mut app, &answers, &ended);
    ratatui::restore();
    shown.map_err(failed)
}

/// Becomes true when a signal ends the command.
fn ending() -> std::io::Result<Arc<AtomicBool>> {
    let ended = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&ended))?;
    }
    Ok(ended)
}

/// Asks again and again, on a thread that ends with the process.
fn asking(remote: Remote, every: Duration) -> Receiver<Answer> {
    let (sender, receiver) = sync_channel(1);
    // Nobody ever sends: it is the timer.
    let timer = crossbeam_channel::never::<()>();
    std::thread::spawn(move || {
        while pass(&sender, ask(&remote).map_err(said)) {
            let _ = timer.recv_timeout(every);
        }
    });
    receiver
}

/// Passes an answer on, or drops it while the last one is not drawn yet. Answers whether anybody is there.
fn pass(sender: &SyncSender<Answer>, answer: Answer) -> bool {
    !matches!(sender.try_send(answer), Err(TrySendError::Disconnected(_)))
}

fn ask(remote: &Remote) -> Result<Status, Failure> {
    remote::read(&remote.get("/api/v1/status")?)
}

fn said(failure: Failure) -> String {
    match failure {
        Failure::Refused(messages) | Failure::Failed(messages) => messages.join("; "),
    }
}

fn show(
    terminal: &mut DefaultTerminal,
    app: &mut App,
    answers: &Receiver<Answer>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut stale = true;
    while !ended.load(Ordering::Relaxed) {
        if stale {
            terminal.draw(|frame| view::draw(frame, app))?;
        }
        stale = false;
        if event::poll(LOOK_EVERY)? {
            stale = true;
            match event::read()? {
                Event::Key(key)
                    if key.kind == KeyEventKind::Press && app.pressed(key) == Flow::End =>
                {
                    return Ok(());
                }
                _ => {}
            }
        }
        while let Ok(answer) = answers.try_recv() {
            app.answered(answer);
            stale = true;
        }
    }
    Ok(())
}
