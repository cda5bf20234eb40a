//! What all requests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tidegate::{AcquireError, Config, Handle, Limit, ServiceName, Tidegate};
use tidegate_observability::{Sample, Status};
use tokio::sync::{Mutex, MutexGuard};

use crate::demo::Demo;
use crate::serve::clients::Clients;
use crate::serve::log::LogFilter;
use crate::serve::problem::Problem;
use crate::serve::token::Token;

/// How long a limiter may take to answer.
const WITHIN: Duration = Duration::from_secs(5);

/// What runs, and who listens to it.
#[derive(Debug)]
pub(super) struct Server {
    tidegate: Tidegate,
    demo: Option<Demo>,
    config: Config,
    /// The limits that hold, with everything about them. Whoever changes them holds this meanwhile, so that
    /// changes come one after another.
    limits: Mutex<BTreeMap<ServiceName, Vec<Limit>>>,
    clients: Arc<Clients>,
    token: Token,
    log: LogFilter,
}

impl Server {
    pub(super) fn new(
        tidegate: Tidegate,
        demo: Option<Demo>,
        config: &Config,
        (token, log): (Token, LogFilter),
    ) -> Self {
        let limits = config.services.iter();
        let limits = limits.map(|(name, service)| (name.clone(), service.limits.clone())).collect();
        let (config, limits, clients) = (config.clone(), Mutex::new(limits), Arc::default());
        Self { tidegate, demo, config, limits, clients, token, log }
    }

    pub(super) fn tidegate(&self) -> &Tidegate {
        &self.tidegate
    }

    pub(super) fn demo(&self) -> Option<&Demo> {
        self.demo.as_ref()
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    pub(super) fn token(&self) -> &Token {
        &self.token
    }

    pub(super) fn log(&self) -> &LogFilter {
        &self.log
    }

    pub(super) async fn limits(&self) -> MutexGuard<'_, BTreeMap<ServiceName, Vec<Limit>>> {
        self.limits.lock().await
    }

    /// The handle of a service, or which there are.
    pub(super) fn service(&self, name: &str) -> Result<Handle, Problem> {
        self.tidegate.service(name).map_err(|unknown| Problem::not_found(unknown.to_string()))
    }

    /// Where everything stands, with what the emulated services have counted.
    pub(super) async fn status(&self) -> Result<Status, Problem> {
        let mut status = in_time(self.tidegate.status()).await?;
        if let Some(demo) = &self.demo {
            status.upstream = demo.counts();
        }
        Ok(status)
    }

    /// The bare figures.
    pub(super) async fn sample(&self) -> Result<Sample, Problem> {
        in_time(self.tidegate.sample()).await
    }
}

/// What limiters answer, if they do so in time.
pub(super) async fn in_time<T>(
    answer: impl Future<Output = Result<T, AcquireError>>,
) -> Result<T, Problem> {
    match tokio::time::timeout(WITHIN, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => {
            let detail = format!("a limiter did not answer within {} s", WITHIN.as_secs());
            Err(Problem::unavailable(detail))
        }
    }
}
