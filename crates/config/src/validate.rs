//! The rules that types cannot hold, for configurations that a program builds itself.

mod policies;

use tidegate_units::{DimensionName, Limit};

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
        let mut check = Check { declared: &self.global.dimensions, problems: Problems::default() };
        check.dimensions();
        check.limits("global", &self.global.limits);
        check.alerts(&self.alerts);
        let count = self.services.len();
        check.that(count <= Self::SERVICES_MAX, "services", || Problem::ManyServices { count });
        for (name, service) in &self.services {
            check.service(&cursor::joined("services", name.as_str()), service);
        }
        check.problems.or(())
    }
}

/// The faults found so far in a configuration without a text.
struct Check<'c> {
    declared: &'c [DimensionName],
    problems: Problems,
}

impl Check<'_> {
    fn fault(&mut self, path: &str, problem: Problem) {
        self.problems.add(Place::Program, path.to_owned(), problem);
    }

    fn that(&mut self, holds: bool, path: &str, problem: impl FnOnce() -> Problem) {
        if !holds {
            self.fault(path, problem());
        }
    }

    fn dimensions(&mut self) {
        let declared = self.declared;
        let path = "global.dimensions";
        let count = declared.len();
        self.that(count <= Config::DIMENSIONS_MAX, path, || Problem::ManyDeclared { count });
        for (index, name) in declared.iter().enumerate() {
            if let Err(problem) = check_declaration(*name, &declared[..index]) {
                self.fault(&format!("{path}[{index}]"), problem);
            }
        }
    }

    fn limits(&mut self, section: &str, limits: &[Limit]) {
        let path = cursor::joined(section, "limits");
        let count = limits.len();
        self.that(count <= Config::LIMITS_MAX, &path, || Problem::ManyLimits { count });
        for (index, limit) in limits.iter().enumerate() {
            self.declared(&format!("{path}[{index}]"), limit.dimension());
        }
    }
}
