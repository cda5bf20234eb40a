//! A TOML text as a tree whose every value knows where it came from.
//!
//! The tree is our own rather than the parser's, because values from environment variables are
//! hung into it, and those have another kind of place.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Place, Problems};
use crate::problem::{Problem, excerpt};

/// The largest text that is read, in bytes.
pub(crate) const TEXT_MAX: usize = 1 << 20;

/// A value and its place: that of its key, or its own where it has no key.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    /// Where it stands among the other keys of its table: the byte at which its key begins, for the
    /// parser hands out tables sorted by key. [`ADDED`] if a variable put it there.
    pub(crate) order: usize,
    pub(crate) value: Value,
}

/// The place in the order of a table of what is in no text: after all that is.
pub(crate) const ADDED: usize = usize::MAX;

/// A value, as far as a configuration tells values apart.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    /// A number as written, and what it is if it is whole and at least 0.
    Number {
        text: String,
        whole: Option<u64>,
    },
    Array(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// A truth value, or a date, which no key takes.
    Other(String),
}

impl Value {
    /// What a message calls this value.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("the text `{}`", excerpt(text)),
            Self::Number { text, .. } => format!("the number {}", excerpt(text)),
            Self::Array(_) => "an array".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(text) => format!("the value {text}"),
        }
    }
}

/// Reads `text`, or notes every fault of its form.
pub(crate) fn parse(file_name: &str, text: &str, problems: &mut Problems) -> Option<Node> {
    let lines = Lines::of(file_name, text);
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        // Where the parser cannot tell, the end of the text is what surprised it.
        let at = fault.span().map_or(text.len(), |span| span.start);
        let message = fault.message().to_owned();
        problems.add(lines.place(at), String::new(), Problem::Syntax { message });
    }
    if !faults.is_empty() {
        return None;
    }
    let value = value_of_table(table.get_ref(), &|offset| lines.place(offset));
    Some(Node { place: lines.place(0), order: 0, value })
}

/// Reads the value of a variable: as TOML, or as text if it is none.
pub(crate) fn parse_variable(name: &Arc<str>, text: &str) -> Value {
    let place = Place::Variable(Arc::clone(name));
    let parsed = if text.len() > TEXT_MAX { None } else { DeValue::parse(text.trim()).ok() };
    match parsed {
        Some(value) => value_of(value.get_ref(), &|_| place.clone()),
        None => Value::Text(text.to_owned()),
    }
}

fn value_of(value: &DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let whole = u64::from_str_radix(number.as_str(), number.radix()).ok();
            Value::Number { text: number.to_string(), whole }
        }
        DeValue::Float(number) => Value::Number { text: number.to_string(), whole: None },
        DeValue::Boolean(value) => Value::Other(value.to_string()),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
        DeValue::Array(items) => {
            let node = |item: &Spanned<DeValue<'_>>| Node {
                place: place(item.span().start),
                order: item.span().start,
                value: value_of(item.get_ref(), place),
            };
            Value::Array(items.iter().map(node).collect())
        }
        DeValue::Table(table) => value_of_table(table, place),
    }
}

fn value_of_table(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Value {
    let entries = table.iter().map(|(key, value)| {
        let order = key.span().start;
        let node = Node { place: place(order), order, value: value_of(value.get_ref(), place) };
        (key.get_ref().clone().into_owned(), node)
    });
    Value::Table(entries.collect())
}

/// Where the lines of a text begin.
struct Lines {
    file: Arc<str>,
    starts: Vec<usize>,
}

impl Lines {
    fn of(file_name: &str, text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(index, _)| index + 1);
        Self { file: file_name.into(), starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// The place of the byte at `offset`.
    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        Place::Line { file: Arc::clone(&self.file), line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::of("f", "ab\n\nc");
        let line = |offset| lines.place(offset).to_string();
        assert_eq!(
            [line(0), line(2), line(3), line(4), line(99)],
            ["f:1", "f:1", "f:2", "f:3", "f:3"]
        );
    }

    #[test]
    fn a_variable_that_is_no_toml_is_text() {
        let read = |text| parse_variable(&"NAME".into(), text).describe();
        assert_eq!(read("50"), "the number 50");
        assert_eq!(read("0x_"), "the text `0x_`");
        assert_eq!(read("30s"), "the text `30s`");
        assert_eq!(read("\"30s\""), "the text `30s`");
        assert_eq!(read("50 requests per minute"), "the text `50 requests per minute`");
        assert_eq!(read(" [1, 2]\n"), "an array");
        assert_eq!(read(""), "the text ``");
    }
}
