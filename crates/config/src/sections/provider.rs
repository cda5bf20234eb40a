//! Reading `provider`: whose limits a service has.

use tidegate_units::ProviderName;
use tidegate_units::provider::BUILT_IN;

use crate::cursor::Cursor;
use crate::error::Problems;
use crate::problem::{Expected, Problem, excerpt};
use crate::suggest;

/// The provider below the key `provider`; `None` where there is no such key.
pub(super) fn read(at: &Cursor<'_>, problems: &mut Problems) -> Option<ProviderName> {
    let at = at.get("provider")?;
    let text = at.text(Expected::Provider, problems)?;
    if !BUILT_IN.contains(&text) {
        at.fault(unknown(text), problems);
        return None;
    }
    at.valid(text.parse::<ProviderName>(), problems)
}

/// Whether the answers of `provider` are understood.
pub(crate) fn check(provider: &ProviderName) -> Result<(), Problem> {
    if provider.is_built_in() { Ok(()) } else { Err(unknown(provider.as_str())) }
}

fn unknown(text: &str) -> Problem {
    let suggestion = suggest::closest(text, BUILT_IN).map(str::to_owned);
    Problem::UnknownProvider { name: excerpt(text), suggestion }
}
