//! The command `report`: what was used at a running server, by service, model, key or hour.

use crate::arguments::ReportArguments;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::remote::{self, Remote};

/// Asks and prints.
///
/// # Errors
///
/// [`Failure::Refused`] for a form, a grouping or a service that is none, [`Failure::Failed`] when nobody
/// answers.
pub(crate) fn run(arguments: &ReportArguments) -> Result<(), Failure> {
    let remote = Remote::new(&arguments.backend)?;
    let mut path = format!(
        "/api/v1/report?format={}&by={}&hours={}",
        remote::segment(&arguments.format),
        remote::segment(&arguments.by),
        arguments.hours
    );
    if let Some(service) = &arguments.service {
        path = format!("{path}&service={}", remote::segment(service));
    }
    let text = remote.get(&path)?;
    Printer::output().print(text.trim_end()).map_err(Failure::failed)
}
