//! What is shown, and what keys do to it: a plain struct, without a terminal.

use std::cmp::Ordering;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tidegate_observability::{ServiceStatus, Status};

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    On,
    End,
}

/// By what services are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    #[default]
    Name,
    /// How many waits there are, the most first.
    Queued,
    /// How much is granted, the most first.
    Rate,
    /// How much is not granted at once, the most first.
    Throttled,
    /// How full the fullest limit is.
    Fullest,
}

impl Sort {
    /// The name that is shown.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Queued => "queue",
            Self::Rate => "rate",
            Self::Throttled => "throttled",
            Self::Fullest => "limits",
        }
    }

    const fn next(self) -> Self {
        match self {
            Self::Name => Self::Queued,
            Self::Queued => Self::Rate,
            Self::Rate => Self::Throttled,
            Self::Throttled => Self::Fullest,
            Self::Fullest => Self::Name,
        }
    }

    fn compare(self, one: &ServiceStatus, other: &ServiceStatus) -> Ordering {
        let rate = |service: &ServiceStatus| service.trends.minute.granted_per_second;
        let throttled = |service: &ServiceStatus| service.statistics.throttle_rate;
        let by_name = || one.sample.service.cmp(&other.sample.service);
        match self {
            Self::Name => Ordering::Equal,
            Self::Queued => other.sample.queued.cmp(&one.sample.queued),
            Self::Rate => rate(other).total_cmp(&rate(one)),
            Self::Throttled => throttled(other).total_cmp(&throttled(one)),
            Self::Fullest => fullest(other).total_cmp(&fullest(one)),
        }
        .then_with(by_name)
    }
}

/// How much of its fullest limit is used: 0 to 1.
pub(super) fn fullest(service: &ServiceStatus) -> f64 {
    let used = service.sample.all_limits().map(used);
    used.fold(0.0, f64::max)
}

/// How much of a limit calls have taken: 0 to 1.
pub(super) fn used(limit: &tidegate_observability::LimitSample) -> f64 {
    tidegate_observability::status::share(limit.used(), limit.capacity)
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct App {
    pub(super) url: String,
    pub(super) status: Option<Status>,
    /// Why the last answer did not come.
    pub(super) fault: Option<String>,
    pub(super) sort: Sort,
    reversed: bool,
    /// The name of the service that is chosen, which stays so wherever it is sorted to.
    chosen: Option<String>,
    pub(super) paused: bool,
    pub(super) help: bool,
}

impl App {
    /// An app that has no answer yet.
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            status: None,
            fault: None,
            sort: Sort::default(),
            reversed: false,
            chosen: None,
            paused: false,
            help: false,
        }
    }

    /// An answer has come, or none.
    pub(super) fn answered(&mut self, answer: Result<Status, String>) {
        match answer {
            Ok(status) if !self.paused => (self.status, self.fault) = (Some(status), None),
            Ok(_) => self.fault = None,
            Err(fault) => self.fault = Some(fault),
        }
    }

    /// A key was pressed.
    pub(super) fn pressed(&mut self, key: KeyEvent) -> Flow {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Flow::End,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Char('q') | KeyCode::Esc => return Flow::End,
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char('r') => self.reversed = !self.reversed,
            KeyCode::Down | KeyCode::Char('j') => self.choose(|at, last| (at + 1).min(last)),
            KeyCode::Up | KeyCode::Char('k') => self.choose(|at, _| at.saturating_sub(1)),
            KeyCode::Home => self.choose(|_, _| 0),
            KeyCode::End => self.choose(|_, last| last),
            _ => {}
        }
        Flow::On
    }

    fn choose(&mut self, to: impl Fn(usize, usize) -> usize) {
        let services = self.services();
        let last = services.len().saturating_sub(1);
        let service = services.get(to(self.chosen_at(), last));
        self.chosen = service.map(|service| service.sample.service.to_string());
    }

    /// The services as they are sorted.
    pub(super) fn services(&self) -> Vec<&ServiceStatus> {
        let mut services: Vec<&ServiceStatus> =
            self.status.iter().flat_map(|status| &status.services).collect();
        services.sort_by(|one, other| self.sort.compare(one, other));
        if self.reversed {
            services.reverse();
        }
        services
    }

    /// Where the chosen service stands in that order; the first if none is.
    pub(super) fn chosen_at(&self) -> usize {
        let is_chosen = |service: &&ServiceStatus| {
            self.chosen.as_deref() == Some(service.sample.service.as_str())
        };
        self.services().iter().position(is_chosen).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn app() -> App {
        let mut app = App::new("http://127.0.0.1:8787".to_owned());
        app.answered(Ok(fixture::status()));
        app
    }

    fn press(app: &mut App, keys: &str) -> Flow {
        let press = |app: &mut App, key| app.pressed(KeyEvent::new(key, KeyModifiers::NONE));
        keys.chars().map(|key| press(app, KeyCode::Char(key))).last().unwrap_or(Flow::On)
    }

    fn chosen(app: &App) -> String {
        app.services()[app.chosen_at()].sample.service.to_string()
    }

    #[test]
    fn what_is_chosen_stays_so_wherever_it_is_sorted_to() {
        let mut app = app();
        assert_eq!(chosen(&app), "anthropic");
        press(&mut app, "k");
        assert_eq!(chosen(&app), "anthropic", "there is none above");
        press(&mut app, "jj");
        assert_eq!(chosen(&app), "openai", "there is none below");
        assert_eq!(app.chosen_at(), 1);
        press(&mut app, "s");
        assert_eq!((app.sort, app.chosen_at()), (Sort::Queued, 1));
        press(&mut app, "r");
        assert_eq!((chosen(&app).as_str(), app.chosen_at()), ("openai", 0));
        press(&mut app, "ssss");
        assert_eq!(app.sort, Sort::Name, "it goes round");
    }

    #[test]
    fn paused_it_shows_what_was_and_says_what_fails() {
        let mut app = app();
        press(&mut app, "p");
        let later = Status { uptime_ms: 999_999, ..fixture::status() };
        app.answered(Ok(later.clone()));
        assert_eq!(app.status, Some(fixture::status()));
        app.answered(Err("nothing answers".to_owned()));
        assert!(app.fault.is_some() && app.status.is_some());
        press(&mut app, " ");
        app.answered(Ok(later.clone()));
        assert_eq!((app.status, app.fault), (Some(later), None));
    }

    #[test]
    fn it_ends_by_its_keys_and_no_other() {
        let end = |key, modifiers| app().pressed(KeyEvent::new(key, modifiers)) == Flow::End;
        assert!(end(KeyCode::Char('q'), KeyModifiers::NONE));
        assert!(end(KeyCode::Esc, KeyModifiers::NONE));
        assert!(end(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!end(KeyCode::Char('c'), KeyModifiers::NONE));
        let mut app = app();
        press(&mut app, "?");
        assert!(app.help);
        assert_eq!(app.pressed(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)), Flow::On);
        assert!(!app.help);
    }
}
