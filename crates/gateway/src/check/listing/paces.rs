//! What is learned of a service, and whose answers are read.

use serde::Serialize;
use tidegate_units::policy::adaptive::RateField;
use tidegate_units::{
    AdaptivePolicy, ControllerKind, Dimension, InFlightAlgorithm, InFlightPolicy, ProviderName,
    ServiceName,
};

/// The pace of one dimension of one service.
#[derive(Debug, Serialize)]
pub(crate) struct PaceLine {
    pub(crate) service: ServiceName,
    pub(crate) controller: ControllerKind,
    pub(crate) dimension: Dimension,
    /// The slowest, the first and the fastest pace; the last is `None` where none is stated.
    min_per_s: f64,
    start_per_s: f64,
    max_per_s: Option<f64>,
    /// What a refusal leaves of the pace, and what is added while calls succeed; for `aimd`.
    decrease: Option<f64>,
    increase: Option<String>,
    /// The policy itself, for text.
    #[serde(skip)]
    pub(crate) policy: AdaptivePolicy,
}

/// How slots are learned.
#[derive(Debug, Serialize)]
pub(crate) struct LearnLine {
    pub(crate) algorithm: InFlightAlgorithm,
    pub(crate) min: u32,
    pub(crate) max: u32,
    tolerance: f64,
}

/// Whose limits a service has.
#[derive(Debug, Serialize)]
pub(crate) struct ProviderLine {
    pub(crate) service: ServiceName,
    pub(crate) provider: ProviderName,
}

impl PaceLine {
    /// One for each dimension that is paced.
    pub(super) fn all(
        service: &ServiceName,
        policy: &AdaptivePolicy,
    ) -> impl Iterator<Item = Self> {
        policy.dimensions.iter().map(|dimension| Self::new(service, *dimension, policy))
    }

    fn new(service: &ServiceName, dimension: Dimension, policy: &AdaptivePolicy) -> Self {
        let bounds = policy.bounds(dimension);
        let is_stated = policy.stated(RateField::Max, dimension).is_some();
        let moves = policy.controller == ControllerKind::Aimd;
        let decrease = f64::from(policy.decrease.as_per_mille()) / 1_000.0;
        Self {
            service: service.clone(),
            controller: policy.controller,
            dimension,
            min_per_s: bounds.min,
            start_per_s: bounds.start,
            max_per_s: is_stated.then_some(bounds.max),
            decrease: moves.then_some(decrease),
            increase: moves.then(|| policy.increase.to_string()),
            policy: policy.clone(),
        }
    }

    /// A bound as it is stated, or what it is.
    pub(crate) fn bound(&self, field: RateField) -> String {
        if let Some(stated) = self.policy.stated(field, self.dimension) {
            return format!("{} per {}", stated.amount(), stated.per());
        }
        let per_second = match field {
            RateField::Min => self.min_per_s,
            RateField::Start => self.start_per_s,
            RateField::Max => return "any".to_owned(),
        };
        // Slow ones are told per minute, so that they are no long decimals.
        let (amount, per) =
            if per_second < 1.0 { (per_second * 60.0, "1m") } else { (per_second, "1s") };
        let text = format!("{amount:.3}");
        format!("{} per {per}", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl LearnLine {
    pub(super) fn new(policy: &InFlightPolicy) -> Self {
        let InFlightPolicy { algorithm, min, max, tolerance } = *policy;
        Self { algorithm, min, max, tolerance: f64::from(tolerance.as_per_mille()) / 1_000.0 }
    }
}
