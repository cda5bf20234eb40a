//! A value together with the path to it: what readers hold, and what faults are noted at.

use std::collections::BTreeMap;

use tidegate_units::Span;

use crate::document::{Node, Value};
use crate::error::Problems;
use crate::problem::{Expected, Problem, excerpt};
use crate::suggest;

/// A place in the tree.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'t> {
    node: &'t Node,
    path: String,
}

impl<'t> Cursor<'t> {
    /// The whole tree.
    pub(crate) fn root(node: &'t Node) -> Self {
        Self { node, path: String::new() }
    }

    /// Notes a fault of this value.
    pub(crate) fn fault(&self, problem: impl Into<Problem>, problems: &mut Problems) {
        problems.add(self.node.place.clone(), self.path.clone(), problem.into());
    }

    /// The value below `key`; nothing if there is none, or if this is no table.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let Value::Table(table) = &self.node.value else { return None };
        table.get(key).map(|node| Self { node, path: joined(&self.path, key) })
    }

    /// Every key with its value, if this is a table; a fault if it is none.
    pub(crate) fn entries(&self, problems: &mut Problems) -> Vec<(&'t str, Self)> {
        let Value::Table(table) = &self.node.value else {
            self.wrong_type(Expected::Table, problems);
            return Vec::new();
        };
        self.entries_of(table).collect()
    }

    /// As [`Cursor::entries`], in the order in which they were written; what variables added comes
    /// last, by name.
    pub(crate) fn entries_in_order(&self, problems: &mut Problems) -> Vec<(&'t str, Self)> {
        let mut entries = self.entries(problems);
        entries.sort_by_key(|(_, at)| at.node.order);
        entries
    }

    fn entries_of(
        &self,
        table: &'t BTreeMap<String, Node>,
    ) -> impl Iterator<Item = (&'t str, Self)> {
        table.iter().map(|(key, node)| (key.as_str(), Self { node, path: joined(&self.path, key) }))
    }

    /// Notes a fault unless this is a table, and one for each key that is not `known`.
    pub(crate) fn check_keys(&self, known: &[&str], problems: &mut Problems) {
        for (key, value) in self.entries(problems) {
            if !known.contains(&key) {
                value.unknown_key(key, known, known.iter().copied(), problems);
            }
        }
    }

    /// Notes that this value's key is unknown, and suggests one of `candidates`.
    pub(crate) fn unknown_key<'c>(
        &self,
        key: &str,
        known: &[&str],
        candidates: impl IntoIterator<Item = &'c str>,
        problems: &mut Problems,
    ) {
        let suggestion = suggest::closest(key, candidates).map(str::to_owned);
        let key = excerpt(key);
        self.fault(Problem::UnknownKey { key, known: known.join(", "), suggestion }, problems);
    }

    /// The elements, if this is an array; a fault if it is none.
    pub(crate) fn items(&self, expected: Expected, problems: &mut Problems) -> Vec<Self> {
        let Value::Array(items) = &self.node.value else {
            self.wrong_type(expected, problems);
            return Vec::new();
        };
        let item = |(index, node)| Self { node, path: format!("{}[{index}]", self.path) };
        items.iter().enumerate().map(item).collect()
    }

    /// The value itself.
    pub(crate) fn value(&self) -> &'t Value {
        &self.node.value
    }

    /// The text, if this is one.
    pub(crate) fn as_text(&self) -> Option<&'t str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is a table.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.node.value, Value::Table(_))
    }

    /// Whether this is an array.
    pub(crate) fn is_array(&self) -> bool {
        matches!(self.node.value, Value::Array(_))
    }

    /// Whether this is a number, of any kind.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.node.value, Value::Number { .. })
    }

    /// The text; a fault if this is something else.
    pub(crate) fn text(&self, expected: Expected, problems: &mut Problems) -> Option<&'t str> {
        let text = self.as_text();
        if text.is_none() {
            self.wrong_type(expected, problems);
        }
        text
    }

    /// The number, if it is whole and at least 0; else the fault that `refused` makes of its text.
    pub(crate) fn whole<P: Into<Problem>>(
        &self,
        refused: impl FnOnce(String) -> P,
        problems: &mut Problems,
    ) -> Option<u64> {
        match &self.node.value {
            Value::Number { whole: Some(whole), .. } => return Some(*whole),
            Value::Number { text, .. } => self.fault(refused(excerpt(text)), problems),
            _ => self.wrong_type(Expected::Number, problems),
        }
        None
    }

    /// The length of time; a fault if this is none.
    pub(crate) fn span(&self, problems: &mut Problems) -> Option<Span> {
        let text = self.text(Expected::Span, problems)?;
        self.valid(text.parse::<Span>(), problems)
    }

    /// The value of `result`, or its error as a fault of this value.
    pub(crate) fn valid<T, E: Into<Problem>>(
        &self,
        result: Result<T, E>,
        problems: &mut Problems,
    ) -> Option<T> {
        result.map_err(|error| self.fault(error, problems)).ok()
    }

    /// Notes that something else should stand here.
    pub(crate) fn wrong_type(&self, expected: Expected, problems: &mut Problems) {
        self.fault(Problem::WrongType { found: self.node.value.describe(), expected }, problems);
    }
}

/// `path.key`, with a key quoted that would be in TOML.
pub(crate) fn joined(path: &str, key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let key = if !key.is_empty() && key.bytes().all(bare) {
        excerpt(key)
    } else {
        format!("{:?}", excerpt(key))
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
