//! Slots that are learned, through the real actors on virtual time: a service that is busy with a few calls
//! at a time and lets the others wait inside it gets as many as that and a few more (FLIGHT-1).

use std::rc::Rc;
use std::time::Duration;

use tidegate::{Concurrency, Handle, InFlightAlgorithm, InFlightPolicy, ServiceConfig, Tidegate};
use tidegate_tests::on_virtual_time;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

/// How long the service takes for a call.
const TAKES: Duration = Duration::from_millis(100);

fn start(policy: InFlightPolicy, slots: u32) -> (Tidegate, Handle) {
    let service = ServiceConfig {
        concurrency: Some(Concurrency::slots(slots)),
        in_flight: Some(policy),
        ..ServiceConfig::default()
    };
    let builder = Tidegate::builder().service("ollama", service).expect("a name");
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("ollama").expect("configured");
    (tidegate, handle)
}

/// So many clients, of whom each calls so often. Answers the most slots that were held, and how many there
/// are in the end.
async fn call(handle: &Handle, busy_with: usize, clients: usize, calls: usize) -> (u64, u64) {
    let service = Rc::new(Semaphore::new(busy_with));
    let local = LocalSet::new();
    let mut all = JoinSet::new();
    for _ in 0..clients {
        let (handle, service) = (handle.clone(), Rc::clone(&service));
        all.spawn_local_on(
            async move {
                let mut most = 0;
                for _ in 0..calls {
                    let permit = handle.request().acquire().await.expect("it waits");
                    let server = service.acquire().await.expect("never closed");
                    tokio::time::sleep(TAKES).await;
                    drop(server);
                    permit.done();
                    let slots = handle.usage().await.expect("it answers").service.slots;
                    most = most.max(slots.expect("they are counted").held);
                }
                most
            },
            &local,
        );
    }
    let held = local.run_until(all.join_all()).await;
    let slots = handle.usage().await.expect("it answers").service.slots;
    (held.into_iter().max().unwrap_or_default(), slots.expect("they are counted").slots)
}

#[test]
fn a_service_gets_as_many_calls_as_it_can_do_and_a_few_more() {
    on_virtual_time(async {
        let policy = InFlightPolicy { max: 60, ..InFlightPolicy::default() };
        let (_tidegate, handle) = start(policy, 4);
        let (held, slots) = call(&handle, 8, 50, 40).await;
        assert!((8..=22).contains(&slots), "{slots} slots for a service that is busy with 8");
        assert!(held <= 60, "FLIGHT-1: {held}");
    });
}

#[test]
fn slots_are_never_more_than_the_most() {
    on_virtual_time(async {
        let algorithm = InFlightAlgorithm::Aimd;
        let policy = InFlightPolicy { algorithm, max: 6, ..InFlightPolicy::default() };
        let (_tidegate, handle) = start(policy, 2);
        let (held, slots) = call(&handle, 100, 50, 20).await;
        assert_eq!((held <= 6, slots), (true, 6), "FLIGHT-1: {held}");
    });
}
