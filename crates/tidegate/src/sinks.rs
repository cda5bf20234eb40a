//! Where warnings and figures go beside events and scrapes: a webhook, a collector of OpenTelemetry.

#[cfg(feature = "webhook")]
use std::sync::Arc;
#[cfg(feature = "tracing")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "otlp")]
use tidegate_observability::otlp::Pusher;
#[cfg(feature = "webhook")]
use tidegate_observability::webhook::Webhook;
use tidegate_observability::{Alert, Sample};

use crate::observer::Callback;
use crate::{Builder, StartError};

/// Posts warnings and pushes samples, where the host says so, from threads of their own.
#[derive(Debug)]
pub(crate) struct Sinks {
    #[cfg(feature = "otlp")]
    pusher: Option<Pusher>,
    #[cfg(feature = "webhook")]
    webhook: Option<Arc<Webhook>>,
    /// What failed by the time of which that was last said.
    #[cfg(feature = "tracing")]
    told: AtomicU64,
}

impl Sinks {
    pub(crate) fn start(builder: &Builder) -> Result<Self, StartError> {
        Ok(Self {
            #[cfg(feature = "otlp")]
            pusher: builder.otlp.as_ref().map(Pusher::start).transpose()?,
            #[cfg(feature = "webhook")]
            webhook: webhook(&builder.config.alerts)?,
            #[cfg(feature = "tracing")]
            told: AtomicU64::new(0),
        })
        .and_then(|sinks| refuse_unbuilt(builder).map(|()| sinks))
    }

    /// What has every warning posted, if any is.
    pub(crate) fn posts(&self) -> Option<Callback> {
        #[cfg(feature = "webhook")]
        if let Some(webhook) = &self.webhook {
            return Some(posting(Arc::clone(webhook)));
        }
        let _ = self;
        None
    }

    /// This is the sample to push next.
    pub(crate) fn offer(&self, sample: &Sample, alerts: impl FnOnce() -> Vec<Alert>) {
        #[cfg(feature = "otlp")]
        if let Some(pusher) = &self.pusher {
            pusher.offer(sample.clone(), alerts());
            return;
        }
        let _ = (self, sample, alerts);
    }

    /// Says in the log what could not be posted or pushed since this was last asked.
    pub(crate) fn complain(&self) {
        let _ = self;
        #[cfg(feature = "tracing")]
        {
            let (failed, why) = self.failures();
            if self.told.swap(failed, Ordering::Relaxed) < failed {
                tracing::warn!(target: "tidegate", why, "{failed} warnings or figures were not delivered so far");
            }
        }
    }

    #[cfg(feature = "tracing")]
    fn failures(&self) -> (u64, String) {
        let _ = self;
        #[cfg(feature = "webhook")]
        let posts = self.webhook.as_ref().map_or(0, |webhook| {
            let counts = webhook.counts();
            counts.failed.saturating_add(counts.dropped)
        });
        #[cfg(not(feature = "webhook"))]
        let posts = 0_u64;
        #[cfg(feature = "otlp")]
        let (pushes, why) = self.pusher.as_ref().map(Pusher::pushed).map_or_else(
            || (0, String::new()),
            |pushed| (pushed.failed, pushed.last_error.unwrap_or_default()),
        );
        #[cfg(not(feature = "otlp"))]
        let (pushes, why) = (0_u64, String::new());
        (posts.saturating_add(pushes), why)
    }
}

/// Posts every warning, if that is configured.
#[cfg(feature = "webhook")]
fn webhook(policy: &tidegate_units::AlertPolicy) -> Result<Option<Arc<Webhook>>, StartError> {
    let Some(to) = policy.webhook.as_ref().filter(|_| policy.enabled) else {
        return Ok(None);
    };
    let token = to.token_env.as_deref().map(token_of).transpose()?;
    let webhook = Webhook::start(to, token);
    let webhook = webhook.map_err(|error| StartError::Webhook { why: error.to_string() })?;
    Ok(Some(Arc::new(webhook)))
}

/// Hands every warning to the thread that posts.
#[cfg(feature = "webhook")]
fn posting(webhook: Arc<Webhook>) -> Callback {
    use tidegate_observability::EventKind;

    Callback {
        wants: |kind| matches!(kind, EventKind::Alert { .. }),
        call: Box::new(move |event| {
            if let EventKind::Alert { alert } = &event.kind {
                webhook.send(alert);
            }
        }),
    }
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

/// A webhook that is configured and that nothing posts to.
fn refuse_unbuilt(builder: &Builder) -> Result<(), StartError> {
    let alerts = &builder.config.alerts;
    if cfg!(feature = "webhook") || !alerts.enabled || alerts.webhook.is_none() {
        return Ok(());
    }
    let why =
        "this program is built without the feature `webhook`: build it with it, or leave it out";
    Err(StartError::Webhook { why: why.to_owned() })
}
