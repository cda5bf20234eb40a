//! Fields of a policy: what stands below a key, or what holds where nothing does.
//!
//! Whether a value is in its range is for the policy to say, once all its fields are read.

use tidegate_units::{PolicyError, PolicyFault, Share, Span};

use crate::cursor::Cursor;
use crate::document::Value;
use crate::error::Problems;
use crate::problem::Expected;

impl Cursor<'_> {
    /// The length of time below `key`, or `absent`.
    pub(crate) fn span_or(&self, key: &str, absent: Span, problems: &mut Problems) -> Span {
        self.get(key).and_then(|at| at.span(problems)).unwrap_or(absent)
    }

    /// The part of a whole below `key`, or `absent`.
    pub(crate) fn share_or(&self, key: &str, absent: Share, problems: &mut Problems) -> Share {
        self.get(key).and_then(|at| at.share(problems)).unwrap_or(absent)
    }

    /// The number below `key`, or `absent`; a fault that `refused` makes of a number that is too
    /// large for any policy, or is no whole one.
    pub(crate) fn count_or(
        &self,
        key: &str,
        absent: u32,
        refused: fn(String) -> PolicyError,
        problems: &mut Problems,
    ) -> u32 {
        self.get(key).and_then(|at| at.count(refused, problems)).unwrap_or(absent)
    }

    /// The number, if it is whole, at least 0 and not too large for any policy.
    pub(crate) fn count(
        &self,
        refused: fn(String) -> PolicyError,
        problems: &mut Problems,
    ) -> Option<u32> {
        let whole = self.whole(refused, problems)?;
        self.valid(u32::try_from(whole).map_err(|_| refused(whole.to_string())), problems)
    }

    /// Whether it is so; a fault if this does not say.
    pub(crate) fn flag(&self, problems: &mut Problems) -> Option<bool> {
        let flag = match self.value() {
            Value::Other(text) => text.parse().ok(),
            _ => None,
        };
        if flag.is_none() {
            self.wrong_type(Expected::Flag, problems);
        }
        flag
    }

    /// The part of a whole; a fault if this is none.
    pub(crate) fn share(&self, problems: &mut Problems) -> Option<Share> {
        let Value::Number { text, whole } = self.value() else {
            self.wrong_type(Expected::Share, problems);
            return None;
        };
        // A whole number may be written in another base.
        let text = whole.map_or_else(|| text.clone(), |whole| whole.to_string());
        self.valid(text.parse::<Share>(), problems)
    }

    /// Notes what is wrong with a policy that was read here, each fault as deep as there is a value.
    pub(crate) fn note(&self, faults: Vec<PolicyFault>, problems: &mut Problems) {
        for PolicyFault { key, entry, error } in faults {
            let field = self.get(key);
            let entry = entry.and_then(|entry| field.as_ref()?.get(&entry));
            entry.or(field).as_ref().unwrap_or(self).fault(error, problems);
        }
    }
}
