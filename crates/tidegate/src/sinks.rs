//! Where warnings and figures go beside events and scrapes: a webhook, a collector of OpenTelemetry.

use tidegate_observability::{Alert, Sample};
use tidegate_units::AlertPolicy;

use crate::observer::Callback;
use crate::{Builder, StartError};

/// Pushes samples to a collector, if the host says where.
#[derive(Debug)]
pub(crate) struct Pushes {
    #[cfg(feature = "otlp")]
    pusher: Option<tidegate_observability::otlp::Pusher>,
}

#[cfg(feature = "otlp")]
impl Pushes {
    pub(crate) fn start(builder: &Builder) -> Result<Self, StartError> {
        let pusher = builder.otlp.as_ref().map(tidegate_observability::otlp::Pusher::start);
        Ok(Self { pusher: pusher.transpose()? })
    }

    /// This is the sample to push next.
    pub(crate) fn offer(&self, sample: &Sample, alerts: impl FnOnce() -> Vec<Alert>) {
        if let Some(pusher) = &self.pusher {
            pusher.offer(sample.clone(), alerts());
        }
    }
}

#[cfg(not(feature = "otlp"))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "called as where there is a collector"
)]
impl Pushes {
    pub(crate) fn start(_: &Builder) -> Result<Self, StartError> {
        Ok(Self {})
    }

    pub(crate) fn offer(&self, _: &Sample, _: impl FnOnce() -> Vec<Alert>) {}
}

/// Posts every warning from a thread of its own, if that is configured.
#[cfg(feature = "webhook")]
pub(crate) fn webhook(policy: &AlertPolicy) -> Result<Option<Callback>, StartError> {
    use tidegate_observability::EventKind;
    use tidegate_observability::webhook::Webhook;

    let Some(to) = policy.webhook.as_ref().filter(|_| policy.enabled) else {
        return Ok(None);
    };
    let token = to.token_env.as_deref().map(token_of).transpose()?;
    let webhook = Webhook::start(to, token);
    let webhook = webhook.map_err(|error| StartError::Webhook { why: error.to_string() })?;
    Ok(Some(Callback {
        wants: |kind| matches!(kind, EventKind::Alert { .. }),
        call: Box::new(move |event| {
            if let EventKind::Alert { alert } = &event.kind {
                webhook.send(alert);
            }
        }),
    }))
}

/// A token that is asked for and is not there would be missed at the first warning only.
#[cfg(feature = "webhook")]
fn token_of(variable: &str) -> Result<String, StartError> {
    std::env::var(variable).map_err(|_| {
        let why = format!(
            "the variable `{variable}` with its token is not set: set it, or leave `webhook_token_env` out"
        );
        StartError::Webhook { why }
    })
}

/// Nothing posts warnings.
#[cfg(not(feature = "webhook"))]
pub(crate) fn webhook(policy: &AlertPolicy) -> Result<Option<Callback>, StartError> {
    if policy.enabled && policy.webhook.is_some() {
        let why = "this program is built without the feature `webhook`: build it with it, or leave it out";
        return Err(StartError::Webhook { why: why.to_owned() });
    }
    Ok(None)
}
