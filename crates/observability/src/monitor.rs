//! What is made of one sample after another, and of what happens between them: warnings, rates, history.
//!
//! A pure machine: [`Monitor::observe`] takes a sample every second or so, [`Monitor::note`] each event;
//! [`Monitor::status`] and the others answer from what is remembered. Times are those of the samples.
//!
//! What is remembered of a service has a bound: 124 marks of its counters, [`points::POINTS_MAX`] points, and
//! its share of the history.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tidegate_units::ServiceName;

use crate::advice;
use crate::alert::watch::Watch;
use crate::alert::{self, AlertSettings, Lately};
use crate::event::{Event, EventKind};
use crate::forecast::{self, Tracks};
use crate::history::{History, UnknownHistory};
use crate::report::gather::Gathering;
use crate::report::{Report, ReportQuery};
use crate::sample::{Sample, ServiceSample};
use crate::status::{Advice, Alert, Forecast, SCHEMA, Series, ServiceStatus, Statistics, Status};

pub(crate) mod books;
pub(crate) mod counts;
mod marks;
pub(crate) mod number;
pub mod points;
mod timeline;

use books::Books;
use marks::{MINUTE, Marks};
use points::Points;
use timeline::Timeline;

/// The most events that are shown as recent.
pub const RECENT_MAX: usize = 100;

/// What is remembered.
///
/// ```
/// use tidegate_observability::{AlertKind, Monitor, Sample, ServiceSample};
///
/// let mut monitor = Monitor::new();
/// let mut service = ServiceSample::new("anthropic".parse()?);
/// service.running = false;
/// let sample = Sample { services: vec![service], ..Sample::default() };
///
/// let alerts = monitor.observe(&sample);
/// assert_eq!(alerts[0].kind, AlertKind::LimiterDown);
/// assert_eq!(monitor.observe(&sample), [], "it is told once");
/// assert_eq!(monitor.status(&sample).alerts, monitor.alerts());
/// assert_eq!(monitor.series("openai"), None, "nothing is known of it");
/// # Ok::<(), tidegate_units::InvalidServiceName>(())
/// ```
#[derive(Debug, Default)]
pub struct Monitor {
    settings: AlertSettings,
    timeline: Timeline,
    books: Books,
    services: BTreeMap<ServiceName, Remembered>,
    watch: Watch,
    history: History,
    tracks: Tracks,
    given_up: BTreeSet<ServiceName>,
    recent: VecDeque<Event>,
}

/// What is remembered of a service.
#[derive(Debug, Default)]
struct Remembered {
    marks: Marks,
    points: Points,
    /// Which limits would have been enough, and when that was found out.
    advice: Option<(u64, Vec<Advice>)>,
}

/// Whether there may be one of these every second.
fn is_common(event: &Event) -> bool {
    event.kind.is_frequent() || matches!(event.kind, EventKind::PaceChanged { .. })
}

impl Monitor {
    /// A monitor that has seen nothing, and warns as it is usual.
    pub fn new() -> Self {
        Self::default()
    }

    /// A monitor that has seen nothing, and warns as it is told.
    pub fn with(settings: AlertSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Looks at a sample; answers which warnings are new or have become worse, and which are over.
    pub fn observe(&mut self, sample: &Sample) -> Vec<Alert> {
        let elapsed = self.timeline.advance(sample);
        let now = self.timeline.now();
        let deltas = self.books.absorb(sample);
        self.history.add(sample.at, &deltas);
        self.tracks.look(now, sample);
        for service in &sample.services {
            self.remember(now, sample, service);
        }
        self.forget(sample);
        let readings = alert::readings(sample, &self.settings, |service| self.lately(now, service));
        let resolve_after = self.settings.resolve_after.as_millis();
        self.watch.look((elapsed, sample.at), resolve_after, readings)
    }

    /// Remembers an event. Calls that merely begin to wait are too many to be remembered.
    pub fn note(&mut self, event: &Event) {
        if let Some(service) = &event.service {
            match event.kind {
                EventKind::LimiterGivenUp => self.given_up.insert(service.clone()),
                EventKind::LimiterResumed => self.given_up.remove(service),
                _ => false,
            };
        }
        if matches!(event.kind, EventKind::Waiting { .. }) {
            return;
        }
        self.make_room(is_common(event));
        self.recent.push_front(event.clone());
    }

    /// What every call and every second can cause holds half of the room, so that it does not crowd out what matters.
    fn make_room(&mut self, for_frequent: bool) {
        let held = self.recent.iter().filter(|event| is_common(event)).count();
        if for_frequent && held >= RECENT_MAX / 2 {
            let oldest = self.recent.iter().rposition(is_common);
            oldest.and_then(|oldest| self.recent.remove(oldest));
        } else if self.recent.len() >= RECENT_MAX {
            self.recent.pop_back();
        }
    }

    /// Where everything stands by this sample, which may be later than the last that was observed.
    pub fn status(&self, sample: &Sample) -> Status {
        let now = self.timeline.at(sample);
        let service = |service: &ServiceSample| self.service_status(now, service);
        Status {
            schema: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            at: sample.at,
            uptime_ms: sample.uptime_ms,
            services: sample.services.iter().map(service).collect(),
            shared: sample.shared.clone(),
            alerts: self.alerts().to_vec(),
            recent: self.recent.iter().cloned().collect(),
            events_dropped: sample.events_dropped,
            upstream: BTreeMap::new(),
        }
    }

    /// What is warned of now, the worst first.
    pub fn alerts(&self) -> &[Alert] {
        self.watch.alerts()
    }

    /// How often a level was not watched because too many were.
    pub fn alerts_dropped(&self) -> u64 {
        self.watch.dropped()
    }

    /// What a service did second by second; `None` if nothing is known of it.
    pub fn series(&self, service: &str) -> Option<Series> {
        let mut services = self.services.iter();
        let (_, remembered) = services.find(|(name, _)| name.as_str() == service)?;
        Some(remembered.points.series())
    }

    /// What every service did and when, to be saved.
    pub fn history(&self) -> History {
        self.history.clone()
    }

    /// Adds what was saved to what is remembered.
    ///
    /// # Errors
    ///
    /// [`UnknownHistory`] if it was saved in a form that this version does not know; nothing is added then.
    pub fn restore(&mut self, saved: History) -> Result<(), UnknownHistory> {
        self.history.merge(saved)
    }

    /// What was used in the last hours and what became of it, by this sample.
    ///
    /// ```
    /// use tidegate_observability::report::{ReportBy, ReportFormat, ReportQuery};
    /// use tidegate_observability::{Monitor, Sample, ServiceSample};
    ///
    /// let mut service = ServiceSample::new("anthropic".parse()?);
    /// service.refused = 7;
    /// let sample = Sample { services: vec![service], ..Sample::default() };
    /// let query = ReportQuery { by: ReportBy::Service, hours: 24, service: None };
    /// let report = Monitor::new().report(&sample, &query);
    /// assert_eq!(report.total.refused, 7);
    /// assert!(report.render(ReportFormat::Csv).contains("anthropic,0,7,100.0,"));
    ///
    /// let refused = "xml".parse::<ReportFormat>().unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "`xml` is no way to write a report: use `table`, `markdown`, `csv` or `json`"
    /// );
    /// # Ok::<(), tidegate_units::InvalidServiceName>(())
    /// ```
    pub fn report(&self, sample: &Sample, query: &ReportQuery) -> Report {
        let mut gathering = Gathering::new(query, sample.at);
        for (at, services) in self.history.hours(gathering.from()) {
            for (service, hour) in services {
                gathering.add_hour(at, service, hour);
            }
        }
        for service in &sample.services {
            gathering.add_delta(&service.service, &self.books.delta(service));
        }
        gathering.report()
    }

    fn remember(&mut self, now: u64, sample: &Sample, service: &ServiceSample) {
        if !self.books.knows(&service.service) {
            return;
        }
        let total = self.books.total(service);
        let remembered = self.services.entry(service.service.clone()).or_default();
        remembered.marks.set(now, &total);
        remembered.points.add((now, sample.at), service, &total);
        // A day of minutes is looked through for it, and no minute makes much of a difference.
        let advised = remembered.advice.as_ref().map(|(at, _)| at.saturating_add(MINUTE));
        if advised.is_none_or(|again| now >= again) {
            remembered.advice = Some((now, advice::of(service, sample.at, &self.history)));
        }
        if service.running {
            self.given_up.remove(&service.service);
        }
    }

    /// Forgets what the books have forgotten.
    fn forget(&mut self, sample: &Sample) {
        if self.services.len() > sample.services.len() {
            self.services.retain(|name, _| self.books.knows(name));
            self.given_up.retain(|name| self.books.knows(name));
        }
    }

    fn lately(&self, now: u64, service: &ServiceSample) -> Lately {
        let total = self.books.total(service);
        let over = |stretch| {
            let remembered = self.services.get(&service.service);
            remembered.map(|it| it.marks.over(stretch, now, &total).1).unwrap_or_default()
        };
        let given_up = self.given_up.contains(&service.service);
        Lately { minute: over(MINUTE), five_minutes: over(5 * MINUTE), given_up }
    }

    fn forecasts(&self, sample: &ServiceSample) -> Vec<Forecast> {
        let long = sample.all_limits().filter(|limit| forecast::is_long(limit));
        long.filter_map(|limit| forecast::of(limit, self.tracks.of(limit))).collect()
    }

    fn service_status(&self, now: u64, sample: &ServiceSample) -> ServiceStatus {
        let total = self.books.total(sample);
        let remembered = self.services.get(&sample.service);
        let advice = remembered.and_then(|it| it.advice.as_ref());
        let trends = remembered.map(|it| it.marks.trends(now, &total));
        ServiceStatus {
            sample: sample.clone(),
            statistics: Statistics::of(sample),
            trends: trends.unwrap_or_default(),
            forecasts: self.forecasts(sample),
            advice: advice.map(|(_, advice)| advice.clone()).unwrap_or_default(),
        }
    }
}
