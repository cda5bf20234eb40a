//! Parts of a service as metrics know them: models and endpoints by their patterns, which the configuration
//! names, and of each key only its name. Values of keys come and go without end, and so would rows.

use std::collections::BTreeMap;

use crate::sample::{LimitSample, PartSample, ScopeKind, SlotsSample};

/// The parts, all values of a key as one: of each limit the value that has used most of it, the fullest slots,
/// the breaker that is open the widest, and all who wait.
pub(super) fn parts(parts: &[PartSample]) -> Vec<PartSample> {
    let mut merged: BTreeMap<(ScopeKind, String), PartSample> = BTreeMap::new();
    for part in parts {
        let part = PartSample { of: name_of(part.scope, &part.of), ..part.clone() };
        match merged.get_mut(&(part.scope, part.of.clone())) {
            Some(held) => merge(held, part),
            None => {
                let of = part.of.clone();
                let limits = part.limits.iter().cloned();
                let limits = limits.map(|limit| LimitSample { of: of.clone(), ..limit }).collect();
                merged.insert((part.scope, of), PartSample { limits, ..part });
            }
        }
    }
    merged.into_values().collect()
}

fn name_of(scope: ScopeKind, of: &str) -> String {
    let name = if scope == ScopeKind::Key { of.split('=').next() } else { None };
    name.unwrap_or(of).to_owned()
}

fn merge(held: &mut PartSample, part: PartSample) {
    held.waiting = held.waiting.saturating_add(part.waiting);
    held.breaker = held.breaker.max(part.breaker);
    held.slots = match (held.slots, part.slots) {
        (Some(one), Some(other)) if !is_fuller(other, one) => Some(one),
        (one, other) => other.or(one),
    };
    for limit in part.limits {
        let same = |it: &&mut LimitSample| {
            (it.dimension, it.window_ms, &it.per) == (limit.dimension, limit.window_ms, &limit.per)
        };
        let limit = LimitSample { of: held.of.clone(), ..limit.clone() };
        match held.limits.iter_mut().find(same) {
            Some(most_used) => {
                let debt_max = most_used.debt_max.max(limit.debt_max);
                if is_more_used(&limit, most_used) {
                    *most_used = limit;
                }
                most_used.debt_max = debt_max;
            }
            None => held.limits.push(limit),
        }
    }
}

fn is_fuller(one: SlotsSample, other: SlotsSample) -> bool {
    u128::from(one.held) * u128::from(other.slots) > u128::from(other.held) * u128::from(one.slots)
}

fn is_more_used(one: &LimitSample, other: &LimitSample) -> bool {
    let used = |limit: &LimitSample| u128::from(limit.used().saturating_add(limit.debt));
    used(one) * u128::from(other.capacity) > used(other) * u128::from(one.capacity)
}

#[cfg(test)]
mod tests {
    use tidegate_units::Dimension;

    use super::*;
    use crate::sample::BreakerPhase;

    fn part(of: &str, used: u64, breaker: BreakerPhase) -> PartSample {
        let limit = LimitSample {
            service: None,
            scope: ScopeKind::Key,
            of: of.to_owned(),
            dimension: Dimension::Requests,
            window_ms: 60_000,
            per: "1m".to_owned(),
            amount: 10,
            capacity: 10,
            available: 10 - used,
            lent: 0,
            debt: 0,
            debt_max: used / 9,
            resets_after_ms: 0,
        };
        let (limits, slots) = (vec![limit], Some(SlotsSample { held: used, slots: 20 }));
        PartSample {
            scope: ScopeKind::Key,
            of: of.to_owned(),
            waiting: 2,
            limits,
            slots,
            breaker: Some(breaker),
        }
    }

    #[test]
    fn a_key_has_one_row_whoever_its_values_are() {
        let several = [
            part("agent=a", 3, BreakerPhase::Closed),
            part("agent=b", 9, BreakerPhase::Open),
            part("agent=c", 4, BreakerPhase::HalfOpen),
            part("tenant=a", 1, BreakerPhase::Closed),
        ];
        let merged = parts(&several);
        let names: Vec<&str> = merged.iter().map(|part| part.of.as_str()).collect();
        assert_eq!(names, ["agent", "tenant"]);
        let agent = &merged[0];
        assert_eq!((agent.waiting, agent.breaker), (6, Some(BreakerPhase::Open)));
        assert_eq!(agent.slots, Some(SlotsSample { held: 9, slots: 20 }));
        assert_eq!((agent.limits.len(), agent.limits[0].used()), (1, 9));
        assert_eq!((agent.limits[0].of.as_str(), agent.limits[0].debt_max), ("agent", 1));
    }
}
