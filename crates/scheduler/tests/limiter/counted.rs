//! What a limiter has counted is not lost with it (OBS-4).

use tidegate_units::{Cost, Dimension};

use crate::settings::service;
use crate::stage::Stage;

#[test]
fn what_was_taken_from_the_gate_since_it_was_read_is_counted_by_the_next_limiter() {
    let mut stage = Stage::new(service(&["10 requests per minute"]));
    for _ in 0..3 {
        stage.take(1, &Cost::request()).expect("the gate is open");
    }
    stage.fail(2);
    let sample = stage.limiter.sample(stage.now);
    assert_eq!((sample.granted_by_gate, sample.granted()), (3, 3));
    assert_eq!(sample.spent.used(Dimension::Requests), 3);
}
