//! What those see who collect spans: waiting and calls, with what was decided as fields.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate::{Attempt, Handle, Observation, Priority, ServiceConfig, Tidegate};
use tidegate_tests::on_virtual_time;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The fields of a span, as text.
#[derive(Debug, Default, Clone, PartialEq)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Every span that has ended, with its name.
#[derive(Debug, Default, Clone)]
struct Ended(Arc<Mutex<Vec<(&'static str, Fields)>>>);

impl Ended {
    fn take(&self) -> Vec<String> {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |(name, Fields(fields)): (&str, Fields)| {
            let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
            format!("{name} {}", fields.collect::<Vec<_>>().join(" "))
        };
        ended.drain(..).map(line).collect()
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Ended {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let fields = span.extensions().get::<Fields>().cloned().unwrap_or_default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((span.name(), fields));
    }
}

fn start() -> (Tidegate, Handle) {
    let limits = ["1 request per minute".parse().expect("a limit")];
    let builder = Tidegate::builder().service("git", ServiceConfig::limited(limits));
    let tidegate = builder.expect("a name").start().expect("it starts");
    let handle = tidegate.service("git").expect("configured");
    (tidegate, handle)
}

#[test]
fn spans_say_what_was_decided_and_how_calls_ended() {
    let ended = Ended::default();
    let collected = tracing_subscriber::registry().with(ended.clone());
    let _collecting = tracing::subscriber::set_default(collected);
    on_virtual_time(async move {
        let (_tidegate, git) = start();
        let urgent = || git.request().priority(Priority::High).model("large");
        urgent().acquire().await.expect("the first passes").settle(Observation::from_status(429));
        insta::assert_snapshot!(ended.take().join("\n"), @r#"
        acquire class=high decision="granted" model="large" requests=1 service=git tokens=0
        call class=high model="large" outcome="rate_limited" service=git way="queue"
        "#);

        let refused = urgent().within(Duration::from_secs(1)).acquire().await;
        refused.expect_err("the next is a minute away");
        insta::assert_snapshot!(ended.take().join("\n"), @r#"
        acquire class=high code=E4404 decision="refused" error=the wait for service `git` outlasts the deadline: 1 of 1 requests per 1m used, 1 asked for, 0 waiting ahead; retry after 60.25s (E4404) limit=service `git` model="large" reason=DeadlineTooClose requests=1 retry_after_ms=60250 service=git tokens=0
        "#);

        let call = |_: Attempt| async {
            let during = Span::current().metadata().map(tracing::Metadata::name);
            Ok::<_, std::io::Error>(during)
        };
        let during = urgent().within(Duration::from_secs(90)).run(call).await.expect("it waits");
        assert_eq!(during, Some("call"), "what happens during a call is its child");
        insta::assert_snapshot!(ended.take().join("\n"), @r#"
        acquire class=high decision="granted" model="large" requests=1 service=git tokens=0
        call class=high model="large" outcome="ok" service=git way="queue"
        "#);

        drop(urgent().within(Duration::from_secs(90)).acquire().await.expect("it waits"));
        let given_up = urgent().within(Duration::from_secs(90)).acquire();
        let given_up = tokio::time::timeout(Duration::from_secs(5), given_up).await;
        given_up.expect_err("nobody waits for it any more");
        insta::assert_snapshot!(ended.take().join("\n"), @r#"
        acquire class=high decision="granted" model="large" requests=1 service=git tokens=0
        call class=high model="large" outcome="cancelled" service=git way="queue"
        acquire class=high model="large" requests=1 service=git tokens=0
        "#);
    });
}
