//! The command `status`: where everything stands at a running server, as text.

pub(crate) mod text;

use tidegate_observability::Status;

use crate::arguments::StatusArguments;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::remote::{self, Remote};

/// Asks and prints.
///
/// # Errors
///
/// [`Failure::Failed`] when nobody answers or the answer is not understood.
pub(crate) fn run(arguments: &StatusArguments) -> Result<(), Failure> {
    let answer = Remote::new(&arguments.backend)?.get("/api/v1/status")?;
    let text = if arguments.json { answer } else { text::text(&remote::read::<Status>(&answer)?) };
    Printer::output().print(text.trim_end()).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_status_is_tables_and_survives_its_json() {
        let status = fixture::status();
        insta::assert_snapshot!("text", text::text(&status));
        let json = serde_json::to_string_pretty(&status).expect("it serialises");
        assert_eq!(remote::read::<Status>(&json).expect("it is its own"), status);
        insta::assert_snapshot!("json", json);
    }
}
