//! One round of a call: one attempt, and perhaps a second one when the first is slow.
//!
//! The second attempt waits for its permit where everybody waits, put off until it is due; so this
//! needs no timer. Both attempts are polled by whoever awaits them: nothing is spawned, and the one
//! that is not needed any more is dropped with its permit.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tidegate_adaptive::Observation;
use tidegate_units::Outcome;

use super::tries::Tries;
use crate::{Attempt, Called, Permit, PermitRequest};

/// What came of a call whose permit is settled.
pub(super) type Ended<T, E> = Result<T, (E, Outcome)>;

/// Makes the call with a permit that was granted, and once more if that is due before it has ended.
pub(super) async fn round<T, E, C, Fut>(
    tries: &mut Tries<'_>,
    request: &PermitRequest<'_>,
    permit: Permit<'_>,
    call: &mut impl FnMut(Attempt) -> Fut,
) -> Ended<T, E>
where
    Fut: Future<Output = C>,
    C: Into<Called<T, E>>,
{
    let attempt = tries.attempt();
    let first = made(permit, call(attempt));
    let Some(at) = tries.hedge_at() else {
        return first.await;
    };
    let mut first = pin!(first);
    let granted = {
        let waiting = pin!(request.clone().not_before(at).acquire());
        match either(first.as_mut(), waiting).await {
            Either::First(ended) => return ended,
            Either::Second(granted) => granted,
        }
    };
    // Who is refused, or finds the budget empty by now, leaves it at one attempt.
    let Ok(permit) = granted else {
        return first.await;
    };
    let Some(attempt) = tries.hedge() else {
        permit.cancel();
        return first.await;
    };
    let mut second = pin!(made(permit, call(attempt)));
    match either(first.as_mut(), second.as_mut()).await {
        Either::First(Ok(value)) | Either::Second(Ok(value)) => Ok(value),
        Either::First(Err(_)) => second.await,
        Either::Second(Err(_)) => first.await,
    }
}

/// Awaits a call and settles its permit; dropped before, the call counts as cancelled.
async fn made<T, E, C>(permit: Permit<'_>, call: impl Future<Output = C>) -> Ended<T, E>
where
    C: Into<Called<T, E>>,
{
    #[cfg(feature = "tracing")]
    let call = tracing::Instrument::instrument(call, permit.span());
    settle(permit, call.await.into())
}

/// Closes the permit of a call that has ended.
pub(super) fn settle<T, E>(permit: Permit<'_>, called: Called<T, E>) -> Ended<T, E> {
    let Called { result, observation } = called;
    let outcome = observation.outcome;
    if observation == Observation::ok() {
        permit.done();
    } else {
        permit.settle(observation);
    }
    result.map_err(|error| (error, outcome))
}

/// Which of two futures was ready.
enum Either<A, B> {
    First(A),
    Second(B),
}

/// Awaits whichever of two is ready sooner; the first if both are.
async fn either<A, B>(
    mut first: Pin<&mut impl Future<Output = A>>,
    mut second: Pin<&mut impl Future<Output = B>>,
) -> Either<A, B> {
    let both = poll_fn(|context| {
        if let Poll::Ready(answer) = first.as_mut().poll(context) {
            return Poll::Ready(Either::First(answer));
        }
        second.as_mut().poll(context).map(Either::Second)
    });
    both.await
}
