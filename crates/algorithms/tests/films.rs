//! The life of every algorithm as a film: what is asked, what is answered, and what is left.

use std::fmt;

use tidegate_algorithms::{
    Algorithm, Carry, Decision, Gcra, LeakyBucket, SlidingCounter, SlidingLog, TokenBucket,
};
use tidegate_units::{Instant, Span};

/// Something that happens, at a number of milliseconds.
#[derive(Debug, Clone, Copy)]
enum Scene<A> {
    /// Somebody asks.
    Take(u64),
    /// A call cost more than it had asked for.
    Record(u64),
    /// A call that was recorded at that time gives back what it did not use.
    Refund(u64, u64),
    /// Another rule from here on.
    Change(A, Carry),
    /// Nothing: only time has passed.
    Look,
}

impl<A> fmt::Display for Scene<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Take(cost) => format!("take {cost}"),
            Self::Record(cost) => format!("record {cost}"),
            Self::Refund(recorded, amount) => format!("refund {amount} of {recorded}ms"),
            Self::Change(_, carry) => format!("change {carry:?}"),
            Self::Look => "look".to_owned(),
        })
    }
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Span::from_millis(millis)
}

/// Plays a script and shows after every scene what was answered and how the limit stands.
fn film<A: Algorithm>(mut algorithm: A, script: &[(u64, Scene<A>)]) -> String {
    let mut state = algorithm.full();
    let mut shots = Vec::new();
    for (millis, scene) in script {
        let now = at(*millis);
        let said = match scene {
            Scene::Take(cost) => match algorithm.take(&mut state, now, *cost) {
                Decision::Admit => "admit".to_owned(),
                Decision::Later { retry_after } => format!("in {retry_after}"),
                Decision::Never => "never".to_owned(),
            },
            Scene::Record(cost) => {
                algorithm.record(&mut state, now, *cost);
                String::new()
            }
            Scene::Refund(recorded, amount) => {
                format!("{} back", algorithm.refund(&mut state, now, at(*recorded), *amount))
            }
            Scene::Change(to, carry) => {
                state = algorithm.reconfigured(&state, now, to, *carry);
                algorithm = to.clone();
                String::new()
            }
            Scene::Look => String::new(),
        };
        shots.push(shot(&algorithm, &state, now, &format!("{millis:>5}ms {scene:<19} {said:<12}")));
    }
    shots.join("\n")
}

/// One line: what was said, what is left of what there could be, what is owed, when all is there.
fn shot<A: Algorithm>(algorithm: &A, state: &A::State, now: Instant, said: &str) -> String {
    let (left, of) = (algorithm.available(state, now), algorithm.capacity());
    let owed = match algorithm.debt(state, now) {
        0 => String::new(),
        debt => format!(", {debt} owed"),
    };
    let full = algorithm.reset_at(state, now).since(now);
    format!("{said} {left} of {of} left{owed}, full in {full}")
}

/// The same story for every algorithm; `large` takes over from `small`, and the other way round.
fn story<A: Algorithm>(large: &A) -> Vec<(u64, Scene<A>)> {
    vec![
        (0, Scene::Take(2)),
        (0, Scene::Take(5)),
        (100, Scene::Take(2)),
        (100, Scene::Take(1)),
        (150, Scene::Refund(100, 1)),
        (150, Scene::Take(1)),
        (300, Scene::Record(4)),
        (300, Scene::Take(1)),
        (700, Scene::Look),
        (400, Scene::Take(1)),
        (1_400, Scene::Take(2)),
        (1_200, Scene::Take(1)),
        (1_500, Scene::Change(large.clone(), Carry::Proportional)),
        (1_500, Scene::Take(3)),
        (1_600, Scene::Refund(1_500, 2)),
        (3_500, Scene::Take(8)),
    ]
}

const SECOND: Span = Span::from_secs(1);

#[test]
fn a_token_bucket() {
    let script = story(&TokenBucket::new(10, SECOND, 8));
    insta::assert_snapshot!(film(TokenBucket::new(10, SECOND, 4), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 200ms
       0ms take 5              never        2 of 4 left, full in 200ms
     100ms take 2              admit        1 of 4 left, full in 300ms
     100ms take 1              admit        0 of 4 left, full in 400ms
     150ms refund 1 of 100ms   1 back       1 of 4 left, full in 250ms
     150ms take 1              admit        0 of 4 left, full in 350ms
     300ms record 4                         0 of 4 left, 2 owed, full in 600ms
     300ms take 1              in 300ms     0 of 4 left, 2 owed, full in 600ms
     700ms look                             2 of 4 left, full in 200ms
     400ms take 1              in 200ms     0 of 4 left, 1 owed, full in 500ms
    1400ms take 2              admit        2 of 4 left, full in 200ms
    1200ms take 1              admit        1 of 4 left, full in 500ms
    1500ms change Proportional              4 of 8 left, full in 400ms
    1500ms take 3              admit        1 of 8 left, full in 700ms
    1600ms refund 2 of 1500ms  2 back       4 of 8 left, full in 400ms
    3500ms take 8              admit        0 of 8 left, full in 800ms
    ");
}

#[test]
fn a_leaky_bucket() {
    let script = story(&LeakyBucket::new(10, SECOND, 8));
    insta::assert_snapshot!(film(LeakyBucket::new(10, SECOND, 4), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 200ms
       0ms take 5              never        2 of 4 left, full in 200ms
     100ms take 2              admit        1 of 4 left, full in 300ms
     100ms take 1              admit        0 of 4 left, full in 400ms
     150ms refund 1 of 100ms   0 back       1 of 4 left, full in 300ms
     150ms take 1              admit        0 of 4 left, full in 400ms
     300ms record 4                         0 of 4 left, 3 owed, full in 650ms
     300ms take 1              in 350ms     0 of 4 left, 3 owed, full in 650ms
     700ms look                             1 of 4 left, full in 250ms
     400ms take 1              in 250ms     0 of 4 left, 2 owed, full in 550ms
    1400ms take 2              admit        2 of 4 left, full in 200ms
    1200ms take 1              admit        1 of 4 left, full in 500ms
    1500ms change Proportional              4 of 8 left, full in 400ms
    1500ms take 3              admit        1 of 8 left, full in 700ms
    1600ms refund 2 of 1500ms  1 back       3 of 8 left, full in 500ms
    3500ms take 8              admit        0 of 8 left, full in 800ms
    ");
}

#[test]
fn a_cell_rate() {
    let script = story(&Gcra::new(10, SECOND, 8));
    insta::assert_snapshot!(film(Gcra::new(10, SECOND, 4), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 200ms
       0ms take 5              never        2 of 4 left, full in 200ms
     100ms take 2              admit        1 of 4 left, full in 300ms
     100ms take 1              admit        0 of 4 left, full in 400ms
     150ms refund 1 of 100ms   0 back       1 of 4 left, full in 300ms
     150ms take 1              admit        0 of 4 left, full in 400ms
     300ms record 4                         0 of 4 left, 3 owed, full in 650ms
     300ms take 1              in 350ms     0 of 4 left, 3 owed, full in 650ms
     700ms look                             1 of 4 left, full in 250ms
     400ms take 1              in 250ms     0 of 4 left, 2 owed, full in 550ms
    1400ms take 2              admit        2 of 4 left, full in 200ms
    1200ms take 1              in 100ms     0 of 4 left, full in 400ms
    1500ms change Proportional              6 of 8 left, full in 200ms
    1500ms take 3              admit        3 of 8 left, full in 500ms
    1600ms refund 2 of 1500ms  1 back       5 of 8 left, full in 300ms
    3500ms take 8              admit        0 of 8 left, full in 800ms
    ");
}

#[test]
fn a_log() {
    let script = story(&SlidingLog::new(8, SECOND));
    insta::assert_snapshot!(film(SlidingLog::new(4, SECOND), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 1s
       0ms take 5              never        2 of 4 left, full in 1s
     100ms take 2              admit        0 of 4 left, full in 1s
     100ms take 1              in 900ms     0 of 4 left, full in 1s
     150ms refund 1 of 100ms   1 back       1 of 4 left, full in 950ms
     150ms take 1              admit        0 of 4 left, full in 1s
     300ms record 4                         0 of 4 left, 4 owed, full in 1s
     300ms take 1              in 1s        0 of 4 left, 4 owed, full in 1s
     700ms look                             0 of 4 left, 4 owed, full in 600ms
     400ms take 1              in 900ms     0 of 4 left, 4 owed, full in 900ms
    1400ms take 2              admit        2 of 4 left, full in 1s
    1200ms take 1              admit        1 of 4 left, full in 1.2s
    1500ms change Proportional              2 of 8 left, full in 1s
    1500ms take 3              in 900ms     2 of 8 left, full in 1s
    1600ms refund 2 of 1500ms  2 back       4 of 8 left, full in 900ms
    3500ms take 8              admit        0 of 8 left, full in 1s
    ");
}

#[test]
fn a_counter_in_ten_segments() {
    let script = story(&SlidingCounter::new(8, SECOND, 10));
    insta::assert_snapshot!(film(SlidingCounter::new(4, SECOND, 10), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 1.099s
       0ms take 5              never        2 of 4 left, full in 1.099s
     100ms take 2              admit        0 of 4 left, full in 1.099s
     100ms take 1              in 999.999ms 0 of 4 left, full in 1.099s
     150ms refund 1 of 100ms   1 back       1 of 4 left, full in 1.049s
     150ms take 1              admit        0 of 4 left, full in 1.049s
     300ms record 4                         0 of 4 left, 4 owed, full in 1.099s
     300ms take 1              in 1.099s    0 of 4 left, 4 owed, full in 1.099s
     700ms look                             0 of 4 left, 4 owed, full in 699.999ms
     400ms take 1              in 999.999ms 0 of 4 left, 4 owed, full in 999.999ms
    1400ms take 2              admit        2 of 4 left, full in 1.099s
    1200ms take 1              admit        1 of 4 left, full in 1.299s
    1500ms change Proportional              2 of 8 left, full in 1.099s
    1500ms take 3              in 999.999ms 2 of 8 left, full in 1.099s
    1600ms refund 2 of 1500ms  2 back       4 of 8 left, full in 999.999ms
    3500ms take 8              admit        0 of 8 left, full in 1.099s
    ");
}

#[test]
fn a_counter_that_is_cut_differently() {
    let script = [
        (0, Scene::Take(2)),
        (250, Scene::Take(1)),
        (900, Scene::Change(SlidingCounter::new(4, SECOND, 4), Carry::Additive)),
        (900, Scene::Take(1)),
        (1_150, Scene::Look),
        (1_999, Scene::Look),
        (2_000, Scene::Look),
    ];
    insta::assert_snapshot!(film(SlidingCounter::new(4, SECOND, 10), &script), @r"
       0ms take 2              admit        2 of 4 left, full in 1.099s
     250ms take 1              admit        1 of 4 left, full in 1.049s
     900ms change Additive                  1 of 4 left, full in 1.099s
     900ms take 1              admit        0 of 4 left, full in 1.099s
    1150ms look                             0 of 4 left, full in 849.999ms
    1999ms look                             0 of 4 left, full in 999.999us
    2000ms look                             4 of 4 left, full in 0s
    ");
}
