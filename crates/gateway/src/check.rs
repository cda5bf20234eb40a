//! The command `check`: what a configuration means, limit by limit, before anything runs under it.

mod listing;
mod text;

use crate::arguments::CheckArguments;
use crate::config_file;
use crate::exit::Failure;
use crate::printer::Printer;
use listing::Listing;

/// Checks what the arguments name.
///
/// # Errors
///
/// [`Failure::Refused`] with every fault of the configuration.
pub(crate) fn run(arguments: &CheckArguments) -> Result<(), Failure> {
    let config = config_file::read(&arguments.file).map_err(Failure::Refused)?;
    let listing = Listing::new(&arguments.file, &config);
    let text = if arguments.json {
        serde_json::to_string_pretty(&listing)
            .map_err(|error| Failure::failed(format!("no JSON can be made of this: {error}")))?
    } else {
        text::text(&listing)
    };
    Printer::output().print(&text).map_err(Failure::failed)
}
