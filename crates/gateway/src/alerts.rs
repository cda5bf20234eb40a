//! The command `alerts`: rules for warnings and a dashboard, made from the catalogue of metrics.

use crate::arguments::{AlertsArguments, AlertsFormat};
use crate::exit::Failure;
use crate::printer::Printer;

/// Prints what the arguments name.
///
/// # Errors
///
/// [`Failure::Failed`] when it cannot be printed.
pub(crate) fn run(arguments: &AlertsArguments) -> Result<(), Failure> {
    let text = match arguments.format {
        AlertsFormat::Rules => tidegate_observability::prometheus::rules_yaml(),
        AlertsFormat::Dashboard => tidegate_observability::prometheus::dashboard_json(),
    };
    Printer::output().print(text.trim_end()).map_err(Failure::failed)
}
