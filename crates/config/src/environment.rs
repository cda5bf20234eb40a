//! Environment variables, hung into the tree at the keys that they name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cursor::joined;
use crate::document::{self, ADDED, Node, Value};
use crate::error::{Place, Problems};
use crate::problem::{Problem, excerpt};

/// What the names of our variables begin with.
const PREFIX: &str = "TIDEGATE__";

/// The most parts of a name after the prefix. Deeper trees would also cost stack to take apart.
pub(crate) const SEGMENTS_MAX: usize = 8;

/// Sets in `root` what the variables say, in the order of their names.
pub(crate) fn apply(
    root: &mut Node,
    variables: impl IntoIterator<Item = (String, String)>,
    problems: &mut Problems,
) {
    let ours = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX));
    // In order, so that a whole table comes before a key of it, and no run differs from another.
    let ours: BTreeMap<String, String> = ours.collect();
    for (name, text) in ours {
        let name: Arc<str> = name.into();
        if let Err(problem) = set(root, &name, &text) {
            problems.add(Place::Variable(name), String::new(), problem);
        }
    }
}

fn set(root: &mut Node, name: &Arc<str>, text: &str) -> Result<(), Problem> {
    let segments: Vec<String> =
        name[PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
    if segments.iter().any(String::is_empty) {
        return Err(Problem::EmptySegment);
    }
    if segments.len() > SEGMENTS_MAX {
        return Err(Problem::ManySegments { count: segments.len() });
    }
    let mut at = root;
    let mut path = String::new();
    for (depth, segment) in segments.into_iter().enumerate() {
        let is_service = depth == 1 && path == "services";
        let found = at.value.describe();
        let Value::Table(table) = &mut at.value else {
            return Err(Problem::NoKeyBelow { found, path });
        };
        let key = if is_service { service_key(table, segment)? } else { segment };
        path = joined(&path, &key);
        at = table.entry(key).or_insert_with(|| Node {
            place: Place::Variable(Arc::clone(name)),
            order: ADDED,
            value: Value::Table(BTreeMap::new()),
        });
    }
    at.place = Place::Variable(Arc::clone(name));
    at.value = document::parse_variable(name, text);
    Ok(())
}

/// The key of the service that `segment` means, or `segment` if it is a new one.
fn service_key(services: &BTreeMap<String, Node>, segment: String) -> Result<String, Problem> {
    let mut matches = services.keys().filter(|key| folded(key) == folded(&segment));
    match (matches.next(), matches.next()) {
        (None, _) => Ok(segment),
        (Some(only), None) => Ok(only.clone()),
        (Some(first), Some(second)) => {
            let [first, second] = [joined("services", first), joined("services", second)];
            let candidates = format!("{first} or {second}");
            Err(Problem::Ambiguous { segment: excerpt(&segment), candidates })
        }
    }
}

/// A name as a variable's can be: without case, and with `_` for `-` and `.`.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_found_by_a_name_that_a_variable_can_have() {
        for (name, other) in
            [("OpenAI", "openai"), ("gpt-4.1", "gpt_4_1"), ("a_b", "a_b"), ("x", "x")]
        {
            assert_eq!(folded(name), folded(other));
        }
        assert_ne!(folded("ab"), folded("a_b"));
    }
}
