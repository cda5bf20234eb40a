//! Time zones by their names in the IANA database.
//!
//! The database is the one that is built in, never the machine's: the same configuration means the
//! same days everywhere. When governments change their minds, a new version of it is needed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

/// The longest name that is looked up; the longest there is has 32 characters.
const NAME_MAX: usize = 64;

/// A time zone, such as `UTC` or `Europe/Berlin`. Two are the same if their names are.
///
/// ```
/// use tidegate_units::Zone;
///
/// let zone: Zone = "europe/berlin".parse()?;
/// assert_eq!(zone.name(), "Europe/Berlin");
///
/// let refused = "CET+1".parse::<Zone>().unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "`CET+1` is no time zone that is known here: use a name of the IANA database, such as `UTC` or `Europe/Berlin`"
/// );
/// # Ok::<(), tidegate_units::InvalidZone>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    zone: TimeZone,
}

/// Text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no time zone that is known here: use a name of the IANA database, such as `UTC` or `Europe/Berlin`"
)]
pub struct InvalidZone {
    text: String,
}

impl Zone {
    /// Universal time, in which every day has 24 hours.
    pub const UTC: Self = Self { zone: TimeZone::UTC };

    /// The name in the IANA database.
    pub fn name(&self) -> &str {
        // Every zone is found by its name, so it has one.
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Every name there is, in no particular order.
    pub fn names() -> Vec<String> {
        let database = TimeZoneDatabase::bundled();
        database.available().map(|name| name.as_str().to_owned()).collect()
    }

    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.zone
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    /// Finds a zone by its name; upper and lower case are the same.
    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        let invalid = || InvalidZone { text: text.chars().take(60).collect() };
        let name = text.trim();
        if name.len() > NAME_MAX {
            return Err(invalid());
        }
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| invalid())?;
        // The database knows a zone of which nothing is known, which would pass for UTC.
        if zone.is_unknown() || zone.iana_name().is_none() {
            return Err(invalid());
        }
        Ok(Self { zone })
    }
}

impl TryFrom<String> for Zone {
    type Error = InvalidZone;

    fn try_from(text: String) -> Result<Self, InvalidZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name())
    }
}
