//! By how much a pace grows while calls succeed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Share;
use crate::policy::share::spelled;

/// What is added to a pace while calls succeed and others wait, as a share of the first pace.
///
/// Text form: a share, and per what: `0.01 per second` or `0.05 per success`. A share alone is per
/// second.
///
/// ```
/// use tidegate_units::{Increase, Share};
///
/// assert_eq!("0.05 per success".parse(), Ok(Increase::PerSuccess(Share::per_mille(50))));
/// assert_eq!("0.01".parse(), Ok(Increase::PerSecond(Share::per_mille(10))));
/// assert_eq!(
///     "fast".parse::<Increase>().unwrap_err().to_string(),
///     "`fast` is no increase: use a share of the first pace, such as `0.01 per second` or `0.05 per success`"
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Increase {
    /// With each call that succeeds.
    PerSuccess(Share),
    /// With each second in which calls succeed.
    PerSecond(Share),
}

impl Increase {
    /// The share of the first pace.
    pub const fn share(self) -> Share {
        match self {
            Self::PerSuccess(share) | Self::PerSecond(share) => share,
        }
    }
}

impl fmt::Display for Increase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = spelled(u32::from(self.share().as_per_mille()));
        f.pad(&match self {
            Self::PerSuccess(_) => format!("{share} per success"),
            Self::PerSecond(_) => format!("{share} per second"),
        })
    }
}

/// Text that is no increase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no increase: use a share of the first pace, such as `0.01 per second` or `0.05 per success`"
)]
pub struct InvalidIncrease {
    text: String,
}

impl FromStr for Increase {
    type Err = InvalidIncrease;

    fn from_str(text: &str) -> Result<Self, InvalidIncrease> {
        let (share, per) = text.split_once(" per ").unwrap_or((text, "second"));
        let share: Option<Share> = share.trim().parse().ok();
        match (share, per.trim()) {
            (Some(share), "second") => Ok(Self::PerSecond(share)),
            (Some(share), "success") => Ok(Self::PerSuccess(share)),
            _ => Err(InvalidIncrease { text: text.chars().take(40).collect() }),
        }
    }
}

impl TryFrom<String> for Increase {
    type Error = InvalidIncrease;

    fn try_from(text: String) -> Result<Self, InvalidIncrease> {
        text.parse()
    }
}

impl From<Increase> for String {
    fn from(increase: Increase) -> Self {
        increase.to_string()
    }
}
