//! Every interleaving of a few callers with the owner of a gate: GATE-1 to GATE-4, LEASE-4.
//!
//! Run by `cargo xtask test` with `RUSTFLAGS="--cfg loom"`; without it this file is empty.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use tidegate_algorithms::gate::Guards;
use tidegate_algorithms::{Gate, Layout, Packed, Taken};
use tidegate_units::{Amounts, Cost, Dimension, Instant};

fn layout() -> Layout {
    Layout::new(&[Dimension::Requests, Dimension::Tokens]).expect("two dimensions")
}

fn pack(requests: u64, tokens: u64) -> Packed {
    let cost = Cost::request().requests(requests).tokens(tokens);
    layout().pack(&cost).expect("small")
}

fn amounts(requests: u64, tokens: u64) -> Packed {
    let amounts: Amounts =
        [(Dimension::Requests, requests), (Dimension::Tokens, tokens)].into_iter().collect();
    layout().pack_amounts(&amounts)
}

fn gate() -> Arc<Gate> {
    Arc::new(Gate::closed(Guards::from(&layout())))
}

fn granted(taken: Taken) -> u64 {
    u64::from(matches!(taken, Taken::Granted { .. }))
}

fn requests(packed: Packed) -> u64 {
    layout().unpack(packed).get(Dimension::Requests)
}

/// GATE-1: two callers want two each of three; with the fill of one there are four.
#[test]
fn callers_and_filling_never_oversell() {
    loom::model(|| {
        let gate = gate();
        gate.open(amounts(3, 30));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || {
                    granted(gate.take(pack(1, 10))) + granted(gate.take(pack(1, 10)))
                })
            })
            .collect();
        gate.fill(amounts(0, 5));
        let taken: u64 = callers.into_iter().map(|caller| caller.join().expect("no panic")).sum();
        let left = layout().unpack(gate.read().remaining());
        assert_eq!(taken, 3, "GATE-1");
        assert_eq!(left.get(Dimension::Requests), 0, "GATE-1");
        assert_eq!(left.get(Dimension::Tokens), 5, "GATE-1");
    });
}

/// GATE-2 and LEASE-4: what closing hands back and what callers took add up; after it, nothing.
#[test]
fn closing_hands_back_exactly_what_nobody_took() {
    loom::model(|| {
        let gate = gate();
        gate.open(amounts(2, 20));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || granted(gate.take(pack(1, 10))))
            })
            .collect();
        let rest = requests(gate.close().remaining());
        assert_eq!(gate.take(pack(1, 10)), Taken::Refused, "GATE-2");
        let taken: u64 = callers.into_iter().map(|caller| caller.join().expect("no panic")).sum();
        assert_eq!(taken + rest, 2, "GATE-1");
    });
}

/// A caller shuts the gate (a pause) while another takes and the owner fills.
#[test]
fn a_shut_gate_loses_nothing() {
    loom::model(|| {
        let gate = gate();
        gate.open(amounts(1, 10));
        let taker = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || granted(gate.take(pack(1, 10))))
        };
        let pauser = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || gate.shut())
        };
        gate.fill(amounts(1, 10));
        let taken = taker.join().expect("no panic");
        pauser.join().expect("no panic");
        assert_eq!(gate.take(pack(1, 10)), Taken::Refused, "GATE-2");
        assert_eq!(taken + requests(gate.close().remaining()), 2, "GATE-1");
    });
}

/// GATE-3: the owner records each reading at a later instant than the one before; what a caller took
/// is recorded at a later instant than the caller was told.
#[test]
fn a_caller_is_told_an_instant_before_it_is_recorded() {
    loom::model(|| {
        let gate = gate();
        gate.open(amounts(1, 10));
        let caller = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || match gate.take(pack(1, 10)) {
                Taken::Granted { recorded_from, .. } => recorded_from,
                Taken::Refused => unreachable!("nobody else takes"),
            })
        };
        let mut recorded_at = None;
        for clock in [1, 2] {
            let left = requests(gate.read().remaining());
            let now = Instant::from_nanos(clock);
            if left == 0 && recorded_at.is_none() {
                recorded_at = Some(now);
            }
            gate.settled(now);
        }
        let told = caller.join().expect("no panic");
        let recorded_at = recorded_at.unwrap_or(Instant::from_nanos(3));
        assert!(told < recorded_at, "GATE-3: {told:?} is not before {recorded_at:?}");
    });
}

/// GATE-4: either the owner saw the take, or the caller was told to wake it.
#[test]
fn no_take_goes_unnoticed() {
    loom::model(|| {
        let gate = gate();
        gate.open(amounts(2, 20));
        assert_eq!(granted(gate.take(pack(1, 10))), 1);
        let caller = {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                matches!(gate.take(pack(1, 10)), Taken::Granted { first: true, .. })
            })
        };
        let seen = gate.read();
        let cooled = gate.cool(seen);
        let told = caller.join().expect("no panic");
        let noticed = requests(seen.remaining()) == 0 || !cooled;
        assert!(told != noticed, "GATE-4: told {told}, noticed {noticed}");
    });
}
