//! What one caller of the demonstration does: asks, goes to the service, says what came of it.

use std::time::Duration;

use tidegate::{Called, Cost, Handle, Observation, Outcome, PermitRequest};
use tidegate_units::Clock;

use crate::demo::Emulated;
use crate::demo::traffic::Wish;
use crate::demo::upstream::Answer;

/// How long a call is on its way to the service, and its answer on the way back.
const ONE_WAY: Duration = Duration::from_millis(15);

/// Makes a call, in whichever way the caller is used to.
pub(super) async fn make(handle: &Handle, service: &Emulated, wish: &Wish) {
    match wish.patience {
        None if !wish.cancelled => run(handle, service, wish).await,
        patience => acquire(handle, service, wish, patience).await,
    }
}

/// By [`PermitRequest::run`], which tries again where that is worth it.
async fn run(handle: &Handle, service: &Emulated, wish: &Wish) {
    let call = |_| async {
        let observation = ask(service, wish).await;
        match observation.outcome {
            Outcome::Ok => Called::ok((), observation),
            outcome => Called::failed(outcome, observation),
        }
    };
    if let Err(error) = request(handle, service, wish).idempotent().run(call).await {
        tracing::trace!(service = %handle.name(), "{error:?}");
    }
}

/// With a permit in hand, which is given up or given back now and then.
async fn acquire(handle: &Handle, service: &Emulated, wish: &Wish, patience: Option<Duration>) {
    let asked = request(handle, service, wish).acquire();
    let granted = match patience {
        Some(patience) => tokio::time::timeout(patience, asked).await.ok(),
        None => Some(asked.await),
    };
    match granted {
        Some(Ok(permit)) if wish.cancelled => permit.cancel(),
        Some(Ok(permit)) => permit.settle(ask(service, wish).await),
        Some(Err(error)) => tracing::trace!(service = %handle.name(), "{error}"),
        None => tracing::trace!(service = %handle.name(), "gave up waiting"),
    }
}

fn request<'h>(handle: &'h Handle, service: &Emulated, wish: &Wish) -> PermitRequest<'h> {
    let request = handle.request().priority(wish.class).key(service.plan.keys.0, wish.key);
    let request = match wish.model {
        Some(model) => request.model(model),
        None => request,
    };
    if service.plan.tokens == (0, 0) {
        return request;
    }
    request.input_tokens(wish.sizes.input).output_tokens(wish.estimated_output)
}

/// Goes to the service and comes back with what is known then.
async fn ask(service: &Emulated, wish: &Wish) -> Observation {
    tokio::time::sleep(ONE_WAY).await;
    let answer = service.upstream().arrive(service.clock.now(), wish.sizes);
    let for_nothing = |outcome| Observation::new(outcome).actual(Cost::request());
    let observation = match answer {
        Answer::Works { for_span, hints } => {
            tokio::time::sleep(for_span.to_duration()).await;
            service.upstream().complete(service.clock.now(), wish.sizes);
            let sizes = wish.sizes;
            let took = Cost::request().input_tokens(sizes.input).output_tokens(sizes.output);
            Observation::ok().actual(took).hints(hints)
        }
        Answer::RateLimited { retry_after, hints } => {
            let refused = for_nothing(Outcome::RateLimited).hints(hints);
            match retry_after {
                Some(span) => refused.retry_after(span),
                None => refused,
            }
        }
        Answer::Overloaded => for_nothing(Outcome::Overloaded),
        Answer::Contended => for_nothing(Outcome::Contention),
        Answer::Failed => for_nothing(Outcome::Failed),
    };
    tokio::time::sleep(ONE_WAY).await;
    observation
}
