//! Making the controller that a policy names.

use tidegate_units::{AdaptivePolicy, ControllerKind, Instant};

use crate::{Aimd, Controller, Fixed, Law};

/// The controller that `policy` names, at its first pace.
///
/// ```
/// use tidegate_adaptive::build;
/// use tidegate_units::{AdaptivePolicy, ControllerKind, Dimension, Instant};
///
/// let policy = AdaptivePolicy { controller: ControllerKind::Aimd, ..AdaptivePolicy::default() };
/// let controller = build(&policy, Instant::ZERO);
/// assert_eq!(controller.paces(Instant::ZERO)[0].dimension, Dimension::Requests);
/// ```
pub fn build(policy: &AdaptivePolicy, now: Instant) -> Box<dyn Controller> {
    match policy.controller {
        ControllerKind::Tidegate => {
            let paced = policy.dimensions.iter().take(AdaptivePolicy::DIMENSIONS_MAX);
            let starts: Vec<_> = paced.map(|it| (*it, policy.bounds(*it).start)).collect();
            Box::new(Law::new(now, &starts))
        }
        ControllerKind::Aimd => Box::new(Aimd::new(policy, now)),
        ControllerKind::Fixed => Box::new(Fixed::new(policy, now)),
    }
}
