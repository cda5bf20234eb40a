//! The command `top`.
use crate::arguments::TopArguments;
use crate::exit::Failure;
pub(crate) fn run(arguments: &TopArguments) -> Result<(), Failure> {
    let _ = arguments;
    Ok(())
}
