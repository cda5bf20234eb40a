//! What a host can see: samples, the status, metrics, what happens.

use tidegate_observability::status::Series;
use tidegate_observability::{
    History, Report, ReportQuery, Sample, Status, UnknownHistory, prometheus,
};

use crate::subscription::Subscription;
use crate::{AcquireError, Tidegate};

impl Tidegate {
    /// Every figure, exact as of now: whatever was granted before is accounted for.
    ///
    /// ```
    /// use tidegate::{ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let limits = ["2 requests per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let git = tidegate.service("git")?;
    /// git.request().acquire().await?.done();
    ///
    /// let sample = tidegate.sample().await?;
    /// assert_eq!(sample.services[0].granted(), 1);
    /// assert_eq!(sample.services[0].limits[0].used(), 1);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tidegate::supervisor_state`].
    pub async fn sample(&self) -> Result<Sample, AcquireError> {
        self.watch.sample().await
    }

    /// The same with what was made of it and of those before it: warnings, rates, forecasts, what happened
    /// last.
    ///
    /// # Errors
    ///
    /// As [`Tidegate::supervisor_state`].
    pub async fn status(&self) -> Result<Status, AcquireError> {
        let sample = self.sample().await?;
        Ok(self.watch.seen.monitor().status(&sample))
    }

    /// Every figure of the catalogue, exact as of now, as the text that Prometheus scrapes.
    ///
    /// # Errors
    ///
    /// As [`Tidegate::supervisor_state`].
    pub async fn metrics(&self) -> Result<String, AcquireError> {
        let sample = self.sample().await?;
        let alerts = self.watch.seen.monitor().alerts().to_vec();
        Ok(prometheus::render(&sample, &alerts))
    }

    /// What was used in the last hours, by service, model, key or hour.
    ///
    /// ```
    /// use tidegate::{ReportFormat, ReportQuery, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # actix::System::new().block_on(async {
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::default())?.start()?;
    /// tidegate.service("git")?.request().acquire().await?.done();
    /// let report = tidegate.report(&ReportQuery::default()).await?;
    /// assert!(report.render(ReportFormat::Markdown).contains("| git |"));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Tidegate::supervisor_state`].
    pub async fn report(&self, query: &ReportQuery) -> Result<Report, AcquireError> {
        let sample = self.sample().await?;
        Ok(self.watch.seen.monitor().report(&sample, query))
    }

    /// What happened, minute by minute and hour by hour: to be kept for a later run.
    pub fn history(&self) -> History {
        self.watch.seen.monitor().history()
    }

    /// Goes on with what an earlier run remembered.
    ///
    /// # Errors
    ///
    /// [`UnknownHistory`], and nothing has changed, when it was written by another version.
    pub fn restore_history(&self, saved: History) -> Result<(), UnknownHistory> {
        self.watch.seen.monitor().restore(saved)
    }

    /// What a service did second by second in the last minutes, for plots; `None` where there is no such
    /// service, or it was not looked at yet.
    pub fn series(&self, service: &str) -> Option<Series> {
        self.watch.seen.monitor().series(service)
    }

    /// What happens from now on, as it happens. `None` if 256 listen already.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tidegate::{EventKind, ServiceConfig, Tidegate};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let limits = ["1 request per minute".parse()?];
    /// let tidegate = Tidegate::builder().service("git", ServiceConfig::limited(limits))?.start()?;
    /// let events = tidegate.subscribe().expect("nobody else listens");
    /// let git = tidegate.service("git")?;
    /// git.request().acquire_blocking()?.done();
    /// let refused = git.request().within(Duration::ZERO).acquire_blocking();
    /// assert!(refused.is_err());
    ///
    /// // The call waited for no time at all, and was refused.
    /// let told = || events.next_within(Duration::from_secs(5));
    /// assert!(std::iter::from_fn(told).any(|event| matches!(event.kind, EventKind::Refused { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self) -> Option<Subscription> {
        self.watch.events.want_waits();
        self.watch.seen.subscribe()
    }
}
