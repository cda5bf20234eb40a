//! A flood of distinct keys: what is shown and what is held stays within bounds (OBS-1, OBS-3).

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tidegate::{
    Cost, Dimension, KeyName, KeyPolicy, Observation, QueuePolicy, ScopedPolicies, ServiceConfig,
    Tidegate,
};
use tidegate_observability::catalogue::SERIES_MAX;

const KEYS: u64 = 100_000;
/// What may be held after all of them where keys are only counted: 10 000 keys that take turns, of which it is
/// remembered whose turn it was. Measured: 10 MB.
const COUNTED_MAX: i64 = 16 << 20;
/// The same where each agent has limits of its own: books for 10 000 of them. Measured: 37 MB.
const LIMITED_MAX: i64 = 64 << 20;

static HELD: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counting what all threads hold together.
struct Counting;

fn size(layout: &Layout) -> i64 {
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

#[expect(unsafe_code, reason = "an allocator can only be wrapped by unsafe methods")]
// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(size(&layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(size(&layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn start() -> Tidegate {
    let agent: KeyName = "agent".parse().expect("a name");
    let policy = KeyPolicy {
        limits: vec!["10 requests per minute".parse().expect("a limit")],
        ..KeyPolicy::default()
    };
    let scoped = ScopedPolicies { each: [(agent, policy)].into(), ..ScopedPolicies::default() };
    let limits = ["100_000_000 tokens per minute".parse().expect("a limit")];
    let each = ServiceConfig { scoped, ..ServiceConfig::limited(limits.clone()) };
    let queue = QueuePolicy::default();
    Tidegate::builder()
        .service("each", ServiceConfig { queue: queue.clone(), ..each })
        .and_then(|builder| builder.service("all", ServiceConfig::limited(limits)))
        .expect("names")
        .start()
        .expect("it starts")
}

#[test]
fn a_flood_of_keys_leaves_the_text_and_the_memory_within_their_bounds() {
    let tidegate = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    for (service, held_max) in [("all", COUNTED_MAX), ("each", LIMITED_MAX)] {
        let before = HELD.load(Ordering::Relaxed);
        let handle = tidegate.service(service).expect("configured");
        runtime.block_on(async {
            for number in 0..KEYS {
                let model = format!("model-{number}");
                let request = handle.request().tokens(10).model(&model);
                let request = request.key("agent", &format!("agent-{number}"));
                // After ten thousand agents the others share the limit of one.
                if let Ok(permit) = request.within(Duration::ZERO).acquire().await {
                    permit.settle(Observation::ok().actual(Cost::request().tokens(7)));
                }
                // On a busy machine the limiter is given time to hear of them: more than 65 536 that it has
                // not heard of would be summed up.
                if number.is_multiple_of(10_000) {
                    handle.sample().await.expect("it answers");
                }
            }
            tidegate.sample().await.expect("whatever was settled is heard of");
        });
        let held = HELD.load(Ordering::Relaxed) - before;
        assert!(held < held_max, "{} kB are held for {service}", held >> 10);
    }
    let (text, sample) = runtime.block_on(async {
        let text = tidegate.metrics().await.expect("they render");
        (text, tidegate.sample().await.expect("everybody answers"))
    });
    let series = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
    assert!(series <= SERIES_MAX, "OBS-3: {series} series");
    assert!(text.len() < 4 << 20, "OBS-3: {} bytes of text", text.len());
    for service in &sample.services {
        for table in [&service.models, &service.keys] {
            assert!(table.rows.len() <= 200, "OBS-1: {} rows", table.rows.len());
            let total = &table.total;
            assert_eq!(total.calls() + total.refused, KEYS, "what has no row is in the sum");
            assert_eq!(total.spent.used(Dimension::Tokens), 7 * service.granted());
        }
        let all = service.service.as_str() == "all";
        assert!(service.granted() == if all { KEYS } else { 10_010 }, "{}", service.granted());
        assert!(service.parts.len() <= 100, "OBS-1: {} parts", service.parts.len());
    }
}
