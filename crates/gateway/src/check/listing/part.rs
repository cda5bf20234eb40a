//! Which calls something holds for: all, those of a service, or a part of those.

use std::fmt;

use serde::Serialize;
use tidegate_units::ServiceName;
use tidegate_units::key::KeyName;

/// Some of the calls that a program makes; at most one of `model`, `endpoint` and `each` is there.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Part {
    /// The service; `None` for all of them together.
    service: Option<ServiceName>,
    /// The pattern of the models.
    model: Option<String>,
    /// The pattern of the endpoints.
    endpoint: Option<String>,
    /// The key for each of whose values it holds.
    each: Option<String>,
}

impl Part {
    /// The calls to all services together.
    pub(super) fn all() -> Self {
        Self::default()
    }

    /// The calls to one service.
    pub(super) fn service(name: &ServiceName) -> Self {
        Self { service: Some(name.clone()), ..Self::default() }
    }

    pub(super) fn model(name: &ServiceName, pattern: &str) -> Self {
        Self { model: Some(pattern.to_owned()), ..Self::service(name) }
    }

    pub(super) fn endpoint(name: &ServiceName, pattern: &str) -> Self {
        Self { endpoint: Some(pattern.to_owned()), ..Self::service(name) }
    }

    pub(super) fn each(name: &ServiceName, key: KeyName) -> Self {
        Self { each: Some(key.as_str().to_owned()), ..Self::service(name) }
    }

    /// Whether these are all calls to the service of this name.
    pub(crate) fn is_service(&self, name: &ServiceName) -> bool {
        let Self { service, model, endpoint, each } = self;
        service.as_ref() == Some(name) && model.is_none() && endpoint.is_none() && each.is_none()
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, model, endpoint, each } = self;
        let Some(service) = service else { return f.write_str("all services") };
        match (model, endpoint, each) {
            (Some(pattern), _, _) => write!(f, "model {pattern} of {service}"),
            (_, Some(pattern), _) => write!(f, "endpoint {pattern} of {service}"),
            (_, _, Some(key)) => write!(f, "each {key} of {service}"),
            _ => write!(f, "service {service}"),
        }
    }
}
