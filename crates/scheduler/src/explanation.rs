//! Why a call waits, in words and figures: the same in errors, reports and on the command line.

use std::fmt;

use serde::{Deserialize, Serialize};

use tidegate_units::{Cost, Dimension, Key, Priority, Rejection, Scope, Share, Span};

use crate::Request;

/// The most lines of those ahead, and of what is missing.
pub const LINES_MAX: usize = 16;

/// What stands between a call and its permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Where it stands.
    pub standing: Standing,
    /// Its class.
    pub class: Priority,
    /// On whose behalf it takes turns, if it says.
    pub key: Option<Key>,
    /// What it takes.
    pub cost: Cost,
    /// The limit that binds, at which scope, if something does.
    pub binding: Option<Rejection>,
    /// What of every burst its class leaves to those above it, if that is what it waits for.
    pub floor: Option<Share>,
    /// When it would run if nobody else came; `None` where it waits for the end of another call. What
    /// other services want of shared limits is not in it.
    pub runs_in: Option<Span>,
    /// Who runs before it, most first; at most [`LINES_MAX`] lines.
    pub ahead: Vec<AheadOf>,
    /// What more of each limit there would have to be for it to run now; at most [`LINES_MAX`] lines.
    pub missing: Vec<Missing>,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Asked now, it would be granted at once.
    Runs,
    /// Asked now, it would wait.
    WouldWait,
    /// Asked now, it would be refused.
    Refused,
    /// It waits in line, or for a part of the service.
    Waits,
    /// It backs off before it waits.
    BacksOff,
}

/// Some who run before a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AheadOf {
    /// Their class.
    pub class: Priority,
    /// On whose behalf; `None` for anybody's.
    pub key: Option<Key>,
    /// How many they are.
    pub count: u64,
}

/// How much more of a limit there would have to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What the limit applies to.
    pub scope: Scope,
    /// What it counts.
    pub dimension: Dimension,
    /// How much.
    pub amount: u64,
}

impl Explanation {
    /// It would be refused for this, whoever waits.
    pub(crate) fn refused(request: &Request, key: Option<Key>, binding: Rejection) -> Self {
        Self {
            standing: Standing::Refused,
            class: request.priority,
            key,
            cost: request.cost.clone(),
            binding: Some(binding),
            floor: None,
            runs_in: None,
            ahead: Vec::new(),
            missing: Vec::new(),
        }
    }
}

impl fmt::Display for Explanation {
    /// One line each: where it stands and why, who is ahead, what is missing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.standing {
            Standing::Runs => "runs at once",
            Standing::WouldWait => "would wait",
            Standing::Refused => "would be refused",
            Standing::Waits => "waits",
            Standing::BacksOff => "backs off",
        };
        if matches!(self.standing, Standing::Waits | Standing::BacksOff) {
            write!(f, "a {} call", self.class)?;
            if let Some(key) = &self.key {
                write!(f, " of {key}")?;
            }
            write!(f, " for {} ", self.cost)?;
        }
        f.write_str(word)?;
        match (self.standing, self.runs_in) {
            (Standing::Runs | Standing::Refused, _) => {}
            (_, Some(runs_in)) => write!(f, ", runs in {runs_in}")?,
            (_, None) => write!(f, ", runs when another call ends")?,
        }
        if let Some(floor) = self.floor {
            write!(f, ", leaves {floor} of every burst to more urgent calls")?;
        }
        if let Some(binding) = &self.binding {
            write!(f, ": {binding}")?;
        }
        if !self.ahead.is_empty() {
            let ahead: Vec<String> = self.ahead.iter().map(ToString::to_string).collect();
            write!(f, "\n  ahead: {}", ahead.join(", "))?;
        }
        if !self.missing.is_empty() {
            let missing: Vec<String> = self.missing.iter().map(ToString::to_string).collect();
            write!(f, "\n  to run now it would take {}", missing.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for AheadOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{} {} of {key}", self.count, self.class),
            None => write!(f, "{} {}", self.count, self.class),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} more {} of {}", self.amount, self.dimension, self.scope)
    }
}
