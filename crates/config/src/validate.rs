//! The rules that types cannot hold, for configurations that a program builds itself.

use tidegate_units::{Dimension, DimensionName, Limit, QueuePolicy, Span};

use crate::error::{Place, Problems};
use crate::problem::Problem;
use crate::sections::check_declaration;
use crate::{Config, ConfigErrors, cursor};

impl Config {
    /// Whether this is a configuration that [`Config::parse`] could have given.
    ///
    /// ```
    /// use tidegate_config::{Config, ServiceConfig};
    /// use tidegate_units::QueuePolicy;
    ///
    /// let queue = QueuePolicy { capacity: 0, ..QueuePolicy::default() };
    /// let service = ServiceConfig::default().with_queue(queue);
    /// let refused = Config::default().with_service("api".parse()?, service).validate().unwrap_err();
    /// assert_eq!(
    ///     refused.to_string(),
    ///     "the program: services.api.queue.capacity: a capacity of 0: use 1 to 100000 waiting calls"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every fault, each in the place [`Place::Program`].
    pub fn validate(&self) -> Result<(), ConfigErrors> {
        let mut check = Check::default();
        let declared = &self.global.dimensions;
        check.dimensions(declared);
        check.limits("global", &self.global.limits, declared);
        let count = self.services.len();
        check.that(count <= Self::SERVICES_MAX, "services", || Problem::ManyServices { count });
        for (name, service) in &self.services {
            let path = cursor::joined("services", name.as_str());
            check.limits(&path, &service.limits, declared);
            check.queue(&path, &service.queue);
        }
        check.problems.or(())
    }
}

/// A queue's capacity, if it is in range.
pub(crate) fn check_capacity(capacity: u64) -> Result<usize, Problem> {
    usize::try_from(capacity)
        .ok()
        .filter(|capacity| (1..=QueuePolicy::CAPACITY_MAX).contains(capacity))
        .ok_or_else(|| Problem::Capacity { text: capacity.to_string() })
}

/// A queue's timeout, if it is in range.
pub(crate) fn check_timeout(timeout: Span) -> Result<Span, Problem> {
    let range = QueuePolicy::TIMEOUT_MIN..=QueuePolicy::TIMEOUT_MAX;
    if range.contains(&timeout) { Ok(timeout) } else { Err(Problem::Timeout { timeout }) }
}

/// The faults found so far in a configuration without a text.
#[derive(Default)]
struct Check {
    problems: Problems,
}

impl Check {
    fn fault(&mut self, path: &str, problem: Problem) {
        self.problems.add(Place::Program, path.to_owned(), problem);
    }

    fn that(&mut self, holds: bool, path: &str, problem: impl FnOnce() -> Problem) {
        if !holds {
            self.fault(path, problem());
        }
    }

    fn dimensions(&mut self, declared: &[DimensionName]) {
        let path = "global.dimensions";
        let count = declared.len();
        self.that(count <= Config::DIMENSIONS_MAX, path, || Problem::ManyDeclared { count });
        for (index, name) in declared.iter().enumerate() {
            if let Err(problem) = check_declaration(*name, &declared[..index]) {
                self.fault(&format!("{path}[{index}]"), problem);
            }
        }
    }

    fn limits(&mut self, section: &str, limits: &[Limit], declared: &[DimensionName]) {
        let path = cursor::joined(section, "limits");
        let count = limits.len();
        self.that(count <= Config::LIMITS_MAX, &path, || Problem::ManyLimits { count });
        for (index, limit) in limits.iter().enumerate() {
            if let Dimension::Named(name) = limit.dimension()
                && !declared.contains(&name)
            {
                let unknown =
                    Problem::UnknownDimension { name: name.as_str().to_owned(), suggestion: None };
                self.fault(&format!("{path}[{index}]"), unknown);
            }
        }
    }

    fn queue(&mut self, section: &str, queue: &QueuePolicy) {
        let path = cursor::joined(section, "queue");
        let capacity = u64::try_from(queue.capacity).unwrap_or(u64::MAX);
        if let Err(problem) = check_capacity(capacity) {
            self.fault(&cursor::joined(&path, "capacity"), problem);
        }
        if let Err(problem) = check_timeout(queue.timeout) {
            self.fault(&cursor::joined(&path, "timeout"), problem);
        }
    }
}
