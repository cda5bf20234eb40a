//! What a configuration says, once it is known to be valid.

use std::collections::BTreeMap;

use tidegate_units::{
    AdaptivePolicy, AlertPolicy, BreakerPolicy, Concurrency, DimensionName, InFlightPolicy, Limit,
    ProviderName, QueuePolicy, RetryPolicy, ScopedPolicies, ServiceName,
};

use crate::document::{self, TEXT_MAX};
use crate::error::{Place, Problems};
use crate::problem::Problem;
use crate::{ConfigErrors, environment, sections};

/// Everything that one program is told about the calls it makes.
///
/// The fields are public, so that a program may build one without any text; [`Config::validate`]
/// then says whether it is one that [`Config::parse`] could have given.
///
/// ```
/// use tidegate_config::{Config, ServiceConfig};
///
/// let per_minute = "50 requests per minute".parse()?;
/// let config = Config::default()
///     .with_service("anthropic".parse()?, ServiceConfig::limited([per_minute]));
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// What holds for all services together.
    pub global: GlobalConfig,
    /// When somebody is warned.
    pub alerts: AlertPolicy,
    /// What holds for each service; at most [`Config::SERVICES_MAX`].
    pub services: BTreeMap<ServiceName, ServiceConfig>,
}

/// What holds for all services together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GlobalConfig {
    /// The limits on everything that this program calls; at most [`Config::LIMITS_MAX`].
    pub limits: Vec<Limit>,
    /// What limits may count besides the built-in dimensions; at most [`Config::DIMENSIONS_MAX`].
    pub dimensions: Vec<DimensionName>,
}

/// What holds for one service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceConfig {
    /// The limits of this service; at most [`Config::LIMITS_MAX`]. None means that only the global
    /// ones hold.
    pub limits: Vec<Limit>,
    /// Where its calls wait, and who is next.
    pub queue: QueuePolicy,
    /// How many of its calls may be under way; `None`: any number.
    pub concurrency: Option<Concurrency>,
    /// How that number is learned, beginning with what `concurrency` says, which must not be `None` then.
    pub in_flight: Option<InFlightPolicy>,
    /// How the pace is learned that the service bears; `None`: the limits are all there is.
    pub adaptive: Option<AdaptivePolicy>,
    /// Whose limits it has, and so how its answers are read; `None`: as most services answer.
    pub provider: Option<ProviderName>,
    /// How calls are made again that did not succeed.
    pub retry: RetryPolicy,
    /// When it is left alone because its calls fail; `None`: never.
    pub breaker: Option<BreakerPolicy>,
    /// What holds for one model, one endpoint, one agent.
    pub scoped: ScopedPolicies,
}

impl ServiceConfig {
    /// A service with these limits and the default queue.
    pub fn limited(limits: impl IntoIterator<Item = Limit>) -> Self {
        Self { limits: limits.into_iter().collect(), ..Self::default() }
    }

    /// The same service with a pace that is learned.
    pub fn with_adaptive(mut self, adaptive: AdaptivePolicy) -> Self {
        self.adaptive = Some(adaptive);
        self
    }

    /// The same service with another queue.
    pub fn with_queue(mut self, queue: QueuePolicy) -> Self {
        self.queue = queue;
        self
    }
}

impl Config {
    /// The most limits in one place. A call is checked against each of them.
    pub const LIMITS_MAX: usize = 64;
    /// The most services. Each has a queue and metrics of its own.
    pub const SERVICES_MAX: usize = 256;
    /// The most dimensions of the user's own.
    pub const DIMENSIONS_MAX: usize = 64;
    /// The largest text in bytes: 1 MiB. A longer one is likelier the wrong file.
    pub const TEXT_MAX: usize = TEXT_MAX;

    /// Reads `text`, with the variables of `env` that begin with `TIDEGATE__` on top of it.
    ///
    /// A variable names a key by its path: `TIDEGATE__SERVICES__ANTHROPIC__QUEUE__CAPACITY=50` sets
    /// `services.anthropic.queue.capacity`. The segments are lower-cased; that of a service means
    /// the service of the text that is the same but for case, with `-` and `.` taken for `_`. The
    /// value is read as TOML, and as text if it is none. Variables take effect in the order of
    /// their names. Patterns and values that no variable's name can spell, such as `claude-*`, stay as
    /// the text says; a variable can set the table that they are in as a whole, as
    /// `TIDEGATE__SERVICES__ANTHROPIC__MODELS='{ "claude-*" = { concurrency = 2 } }'` does. `file_name`
    /// stands in messages only.
    ///
    /// ```
    /// use tidegate_config::Config;
    ///
    /// let text = "[services.anthropic]\nlimits = [\"50 requests per minute\"]";
    /// let variable = ("TIDEGATE__SERVICES__ANTHROPIC__QUEUE__CAPACITY".into(), "50".into());
    /// let config = Config::parse("tidegate.toml", text, [variable])?;
    /// assert_eq!(config.services[&"anthropic".parse()?].queue.capacity, 50);
    ///
    /// let text = "[services.anthropic]\nlimits = [{ requests = 0, per = \"1m\" }]";
    /// let refused = Config::parse("tidegate.toml", text, []).unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "tidegate.toml:2: services.anthropic.limits[0].requests: \
    ///      an amount of 0: use 1 to 1000000000000 per window"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every fault that was found. Where the text is no TOML, these are the
    /// faults of its form only: what the rest of it means is then not known.
    pub fn parse(
        file_name: &str,
        text: &str,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::default();
        if text.len() > TEXT_MAX {
            let start = Place::Line { file: file_name.into(), line: 1 };
            problems.add(start, String::new(), Problem::TextTooLong { bytes: text.len() });
            return problems.or(Self::default());
        }
        let Some(mut root) = document::parse(file_name, text, &mut problems) else {
            return problems.or(Self::default());
        };
        environment::apply(&mut root, env, &mut problems);
        let config = sections::read(&root, &mut problems);
        problems.or(config)
    }

    /// The same configuration with one more service, or another one of the same name.
    pub fn with_service(mut self, name: ServiceName, service: ServiceConfig) -> Self {
        self.services.insert(name, service);
        self
    }

    /// The same configuration with one more limit on all services together.
    pub fn with_global_limit(mut self, limit: Limit) -> Self {
        self.global.limits.push(limit);
        self
    }
}
