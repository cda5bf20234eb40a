//! Clients that are configured like a program in use, instead of being told the provider's limits.

use tidegate_config::{Config, ServiceConfig};
use tidegate_units::{Limit, ServiceName};

/// The most services that a message lists.
const LISTED_MAX: usize = 8;

/// How the clients of a replay are configured: one service of a configuration, and what it shares.
#[derive(Debug, Clone)]
pub struct Configured {
    /// The service.
    pub service: ServiceConfig,
    /// The limits over all services together.
    pub shared: Vec<Limit>,
}

/// Why a configuration says not how to replay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSuchService {
    /// There is nothing to choose from.
    #[error("no service: add one, such as [services.mine]")]
    None,
    /// There are several, and none was named.
    #[error("{count} services: name one of {known}")]
    Several {
        /// How many there are.
        count: usize,
        /// Their names, or the first of them.
        known: String,
    },
    /// There is none of that name.
    #[error("no service `{name}`: name one of {known}")]
    Unknown {
        /// The name, cut short.
        name: String,
        /// The names that there are, or the first of them.
        known: String,
    },
}

impl Configured {
    /// The service of that name, or the only one if none is named.
    ///
    /// ```
    /// use tidegate_config::Config;
    /// use tidegate_simulator::Configured;
    ///
    /// let text = "[services.mine]\nlimits = [\"3 requests per second\"]";
    /// let config = Config::parse("tidegate.toml", text, Vec::new())?;
    /// assert_eq!(Configured::new(&config, None)?.service.limits.len(), 1);
    ///
    /// let refused = Configured::new(&config, Some("yours")).unwrap_err();
    /// assert_eq!(refused.to_string(), "no service `yours`: name one of mine");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoSuchService`] when there is none, or several to choose from.
    pub fn new(config: &Config, name: Option<&str>) -> Result<Self, NoSuchService> {
        let mut services = config.services.iter();
        let service = match (name, config.services.len()) {
            (_, 0) => return Err(NoSuchService::None),
            (None, 1) => services.next(),
            (None, count) => {
                return Err(NoSuchService::Several { count, known: known(config) });
            }
            (Some(wanted), _) => services.find(|(name, _)| name.as_str() == wanted),
        };
        let Some((_, service)) = service else {
            let name = name.unwrap_or_default().chars().take(40).filter(|c| !c.is_control());
            return Err(NoSuchService::Unknown { name: name.collect(), known: known(config) });
        };
        Ok(Self { service: service.clone(), shared: config.global.limits.clone() })
    }
}

fn known(config: &Config) -> String {
    let names = config.services.keys().take(LISTED_MAX).map(ServiceName::as_str);
    let mut known = names.collect::<Vec<_>>().join(", ");
    if config.services.len() > LISTED_MAX {
        known.push_str(", …");
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse("t.toml", text, Vec::new()).expect("a configuration")
    }

    #[test]
    fn one_service_is_meant_and_of_several_one_is_named() {
        let one = config("[services.a]\nlimits = [\"3 requests per second\"]");
        let two = config("[services.a]\n[services.b]\nlimits = [\"3 requests per second\"]");
        let limits = |config: &Config, name| {
            Configured::new(config, name).map(|configured| configured.service.limits.len())
        };
        assert_eq!(limits(&one, None), Ok(1));
        assert_eq!((limits(&two, Some("a")), limits(&two, Some("b"))), (Ok(0), Ok(1)));
        let many: Vec<String> = (0..9).map(|index| format!("[services.s{index}]\n")).collect();
        let refusals = [
            limits(&config(""), None),
            limits(&two, None),
            limits(&two, Some("c\u{1b}")),
            limits(&config(&many.concat()), None),
        ];
        let texts = refusals.map(|refused| refused.expect_err("refused").to_string());
        insta::assert_snapshot!(texts.join("\n"), @"
        no service: add one, such as [services.mine]
        2 services: name one of a, b
        no service `c`: name one of a, b
        9 services: name one of s0, s1, s2, s3, s4, s5, s6, s7, …
        ");
    }
}
