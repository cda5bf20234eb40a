//! Calls under way, through the real actors on virtual time: whoever leaves at whatever moment leaves no
//! slot behind (SLOT-2, LIM-6).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tidegate::{Concurrency, Handle, Observation, ServiceConfig, Tidegate};
use tidegate_tests::on_virtual_time;

fn start(slots: u32) -> (Tidegate, Handle) {
    let limits = ["1000 requests per second".parse().expect("a limit")];
    let config = ServiceConfig {
        concurrency: Some(Concurrency::slots(slots)),
        ..ServiceConfig::limited(limits)
    };
    let builder = Tidegate::builder().service("service", config).expect("a name");
    let tidegate = builder.start().expect("it starts");
    let handle = tidegate.service("service").expect("configured");
    (tidegate, handle)
}

async fn held(handle: &Handle) -> (u64, usize) {
    tokio::time::sleep(Duration::from_millis(60)).await;
    let service = handle.usage().await.expect("it answers").service;
    (service.slots.expect("they are counted").held, service.queued)
}

/// Asks once, and goes to stand in line.
fn ask<F: Future + Unpin>(future: &mut F) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(Pin::new(future).poll(&mut context), Poll::Pending), "it has to wait");
}

#[test]
fn who_leaves_while_it_is_being_granted_leaves_its_slot_to_the_next() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(1);
        let permit = handle.request().acquire().await.expect("the only slot");
        let mut leaves = handle.request().acquire();
        ask(&mut leaves);
        tokio::time::sleep(Duration::from_millis(60)).await;
        // Both are heard at once: the slot is granted to somebody who has just left.
        permit.done();
        drop(leaves);
        handle.request().acquire().await.expect("it is the next one's").done();
        assert_eq!(held(&handle).await, (0, 0));
    });
}

#[test]
fn thousands_who_give_up_at_any_moment_leave_every_slot_free() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(4);
        let mut served = 0;
        for round in 0..2_000_u64 {
            let patience = Duration::from_micros(round * 37 % 5_000);
            let others: Vec<_> = (0..6).map(|_| handle.request().acquire()).collect();
            for other in others {
                let Ok(answer) = tokio::time::timeout(patience, other).await else {
                    continue;
                };
                let permit = answer.expect("there is room in the line");
                served += 1;
                match round % 3 {
                    0 => permit.done(),
                    1 => permit.settle(Observation::from_status(500)),
                    _ => drop(permit),
                }
            }
        }
        assert!(served > 100, "only {served}");
        assert_eq!(held(&handle).await, (0, 0));
    });
}

#[test]
fn a_leaked_slot_comes_back_when_its_lease_ends() {
    on_virtual_time(async {
        let (_tidegate, handle) = start(1);
        std::mem::forget(handle.request().acquire().await.expect("the only slot"));
        let refused = handle.request().within(Duration::from_mins(1)).acquire().await;
        assert_eq!(refused.expect_err("it is held").code().to_string(), "E4406");
        let waits = handle.request().within(Duration::from_mins(10)).acquire().await;
        waits.expect("ten minutes are over").done();
        assert_eq!(held(&handle).await, (0, 0));
    });
}
