//! Making the controller that a policy names.

use tidegate_units::{AdaptivePolicy, ControllerKind, InFlightPolicy, Instant};

use crate::both::Both;
use crate::{Aimd, Controller, Fixed, InFlight, Law};

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
        ControllerKind::Tidegate => Box::new(Law::new(policy, now)),
        ControllerKind::Aimd => Box::new(Aimd::new(policy, now)),
        ControllerKind::Fixed => Box::new(Fixed::new(policy, now)),
    }
}

/// The controller for a service that learns its pace, or its slots beginning with so many, or both;
/// `None` if neither.
///
/// ```
/// use tidegate_adaptive::build_for;
/// use tidegate_units::{AdaptivePolicy, InFlightPolicy, Instant};
///
/// let (pace, slots) = (AdaptivePolicy::default(), InFlightPolicy::default());
/// let now = Instant::ZERO;
/// let both = build_for(Some(&pace), Some((&slots, 1)), now).expect("something is learned");
/// assert_eq!((both.paces(now).len(), both.slots(now)), (1, Some(1)));
/// assert!(build_for(None, None, now).is_none());
/// ```
pub fn build_for(
    pace: Option<&AdaptivePolicy>,
    slots: Option<(&InFlightPolicy, u32)>,
    now: Instant,
) -> Option<Box<dyn Controller>> {
    let pace = pace.map(|policy| build(policy, now));
    let slots = slots.map(|(policy, start)| InFlight::new(policy, start));
    match (pace, slots) {
        (Some(pace), Some(in_flight)) => Some(Box::new(Both { pace, in_flight })),
        (None, Some(in_flight)) => Some(Box::new(in_flight)),
        (pace, None) => pace,
    }
}
