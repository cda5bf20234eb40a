//! When a pace has changed so much that somebody should be told.

use std::collections::HashMap;

use tidegate_units::{Dimension, ServiceName};

use crate::event::EventKind;
use crate::sample::{PaceSample, Sample, ServiceSample};

/// What share of a pace is a change: less than this is how a learned pace breathes.
const CHANGE: f64 = 0.05;

/// Remembers the paces that were last told.
#[derive(Debug, Default)]
pub struct PaceWatch {
    told: HashMap<(ServiceName, Dimension), f64>,
}

impl PaceWatch {
    /// Which paces have changed by a twentieth or more since they were last told. The first that is seen of
    /// each is no change.
    pub fn observe(&mut self, sample: &Sample) -> Vec<(ServiceName, EventKind)> {
        let services = sample.services.iter();
        let paces = services.flat_map(|it| it.paces.iter().map(move |pace| (it, pace)));
        paces.filter_map(|(service, pace)| self.changed(service, pace)).collect()
    }

    fn changed(
        &mut self,
        service: &ServiceSample,
        pace: &PaceSample,
    ) -> Option<(ServiceName, EventKind)> {
        let name = service.service.clone();
        let to = pace.per_second;
        let told = self.told.entry((name.clone(), pace.dimension)).or_insert(to);
        let from = *told;
        if (to - from).abs() < CHANGE * from.abs() || to.total_cmp(&from).is_eq() {
            return None;
        }
        *told = to;
        let dimension = pace.dimension;
        let kind = EventKind::PaceChanged { dimension, from_per_second: from, to_per_second: to };
        Some((name, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(per_second: f64) -> Sample {
        let mut service = ServiceSample::new("search".parse().expect("a name"));
        service.paces.push(PaceSample {
            dimension: Dimension::Requests,
            per_second,
            learned_per_second: None,
            confidence: 0.0,
            configured_per_second: None,
        });
        Sample { services: vec![service], ..Sample::default() }
    }

    #[test]
    fn small_steps_are_told_when_they_have_come_to_a_twentieth() {
        let mut watch = PaceWatch::default();
        let told = [10.0, 10.2, 10.4, 10.6, 10.6, 5.0, 0.0, 0.0].map(|pace| {
            let changes = watch.observe(&sample(pace));
            changes.first().map(|(_, kind)| match kind {
                EventKind::PaceChanged { from_per_second, .. } => *from_per_second,
                other => panic!("{other:?}"),
            })
        });
        let expected = [None, None, None, Some(10.0), None, Some(10.6), Some(5.0), None];
        assert_eq!(told, expected);
    }
}
