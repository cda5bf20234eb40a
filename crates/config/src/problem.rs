//! The text of every fault, in one place.

use std::fmt;

use tidegate_units::dimension::BUILT_IN;
use tidegate_units::policy::adaptive::{InvalidController, InvalidIncrease, InvalidRate};
use tidegate_units::policy::in_flight::InvalidInFlight;
use tidegate_units::policy::queue::InvalidOverflow;
use tidegate_units::policy::retry::InvalidJitter;
use tidegate_units::policy::share::InvalidShare;
use tidegate_units::{
    Dimension, EnforcedAs, InvalidDimensionName, InvalidKey, InvalidPeriod, InvalidProviderName,
    InvalidServiceName, InvalidSpan, InvalidZone, LimitError, PolicyError, provider,
};

use crate::Config;
use crate::environment::SEGMENTS_MAX;

/// What can be wrong with a configuration. What is quoted has been cut short before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("a text of {bytes} bytes: use at most {}; is it the right file?", Config::TEXT_MAX)]
    TextTooLong { bytes: usize },
    #[error("this is no TOML: {message}")]
    Syntax { message: String },
    #[error(
        "unknown key `{key}`: {}known here are {known}", did_you_mean(.suggestion.as_deref())
    )]
    UnknownKey { key: String, known: String, suggestion: Option<String> },
    #[error("{found}: write {expected}")]
    WrongType { found: String, expected: Expected },

    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error(transparent)]
    Span(#[from] InvalidSpan),
    #[error(
        "unknown dimension `{name}`: {}built in are {}; declare your own in [global] dimensions",
        did_you_mean(.suggestion.as_deref()),
        built_in()
    )]
    UnknownDimension { name: String, suggestion: Option<String> },
    #[error("a limit without an amount: add one dimension, such as `requests = 50`")]
    NoDimension,
    #[error("{names} in one limit: write a limit for each")]
    ManyDimensions { names: String },
    #[error("a limit without a window: add `per`, such as `per = \"1m\"`")]
    NoWindow,
    #[error(transparent)]
    Period(#[from] InvalidPeriod),
    #[error(transparent)]
    Zone(#[from] InvalidZone),
    #[error(
        "`{text}` is no time zone that is known here: did you mean `{suggestion}`? use a name of the IANA database"
    )]
    UnknownZone { text: String, suggestion: String },
    #[error("a zone without a period: add `per`, such as `per = \"day\"`")]
    NoPeriod,
    #[error("{key} beside a zone: the limit is counted by the calendar then, remove either")]
    ShapeOfCalendar { key: &'static str },
    #[error("a burst with enforced_as {shape}: only a token-bucket has one, remove either")]
    BurstWithoutBucket { shape: EnforcedAs },
    #[error("{count} limits: use at most {} in one place", Config::LIMITS_MAX)]
    ManyLimits { count: usize },

    #[error(transparent)]
    DimensionName(#[from] InvalidDimensionName),
    #[error("`{name}` is built in: remove it, every limit may use it")]
    BuiltIn { name: String },
    #[error("`slots` is built in and counts calls under way: remove it, and use `concurrency`")]
    SlotsDeclared,
    #[error("`{name}` is a key that limits have already: choose another name")]
    Reserved { name: String },
    #[error("`{name}` is declared twice: remove one")]
    DeclaredTwice { name: String },
    #[error("{count} dimensions: declare at most {}", Config::DIMENSIONS_MAX)]
    ManyDeclared { count: usize },

    #[error(transparent)]
    ServiceName(#[from] InvalidServiceName),
    #[error("{count} services: use at most {}", Config::SERVICES_MAX)]
    ManyServices { count: usize },

    #[error(transparent)]
    ProviderName(#[from] InvalidProviderName),
    #[error(
        "unknown provider `{name}`: {}built in are {}",
        did_you_mean(.suggestion.as_deref()),
        provider::BUILT_IN.join(", ")
    )]
    UnknownProvider { name: String, suggestion: Option<String> },
    #[error(transparent)]
    Controller(#[from] InvalidController),
    #[error(transparent)]
    Rate(#[from] InvalidRate),
    #[error(transparent)]
    Increase(#[from] InvalidIncrease),
    #[error(transparent)]
    InFlight(#[from] InvalidInFlight),
    #[error(
        "{key} without learn: the slots stay as they are then; add `learn = \"gradient\"`, or remove it"
    )]
    NotLearned { key: &'static str },
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Share(#[from] InvalidShare),
    #[error(transparent)]
    Overflow(#[from] InvalidOverflow),
    #[error(transparent)]
    Jitter(#[from] InvalidJitter),
    #[error(transparent)]
    Key(#[from] InvalidKey),
    #[error(
        "`{text}` is no class: use critical, high, normal, low or background, or none where no class is served before all others"
    )]
    Strict { text: String },
    #[error("concurrency without slots: add `slots`, such as `slots = 8`")]
    NoSlots,
    #[error(
        "unknown key `breaker`: only a service or an endpoint has one, move it there; known here are {known}"
    )]
    MisplacedBreaker { known: String },

    #[error("an empty part in the name: write it as TIDEGATE__SERVICES__NAME__QUEUE__CAPACITY")]
    EmptySegment,
    #[error("{count} parts in the name: no key is deeper than {}", SEGMENTS_MAX)]
    ManySegments { count: usize },
    #[error("there is no key below {found}: set `{path}` as a whole")]
    NoKeyBelow { found: String, path: String },
    #[error("`{segment}` may mean {candidates}: rename one of them, or set it in the text")]
    Ambiguous { segment: String, candidates: String },
}

/// What should have stood where something else did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Table,
    Limits,
    Limit,
    Dimensions,
    Dimension,
    Number,
    Span,
    Shape,
    Period,
    Zone,
    Share,
    Overflow,
    Strict,
    KeyName,
    Concurrency,
    Jitter,
    Provider,
    Adaptive,
    Controller,
    Paced,
    Rate,
    Increase,
    Learn,
    Flag,
    Levels,
    Address,
    Variable,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "a table of keys and values",
            Self::Limits => "an array of limits, such as `[\"50 requests per minute\"]`",
            Self::Limit => {
                "a limit, such as `\"50 requests per minute\"` or `{ requests = 50, per = \"1m\" }`"
            }
            Self::Dimensions => "an array of names, such as `[\"images\"]`",
            Self::Dimension => "a name, such as `\"images\"`",
            Self::Number => "a whole number without quotes, such as `50`",
            Self::Span => "a length of time, such as `\"30s\"`",
            Self::Period => "`\"day\"`, `\"week\"`, `\"month\"` or `\"year\"`, as there is a zone",
            Self::Zone => "the name of a time zone, such as `\"UTC\"` or `\"Europe/Berlin\"`",
            Self::Share => "a number from 0 to 1 without quotes, such as `0.25`",
            Self::Overflow => {
                "`\"refuse-newest\"`, `\"drop-oldest\"`, `\"drop-oldest-of-lowest-class\"` or `\"newest-first\"`"
            }
            Self::Strict => "a class, such as `\"critical\"`, or `\"none\"`",
            Self::KeyName => "the name of a key, such as `\"agent\"`",
            Self::Concurrency => {
                "a number of slots, such as `8`, or `{ slots = 8, lease = \"10m\" }`"
            }
            Self::Jitter => {
                "`\"full\"`, `\"equal\"`, `\"decorrelated\"`, or a number from 0 to 1, such as `0.25`"
            }
            Self::Provider => "the name of a provider, such as `\"anthropic\"`",
            Self::Adaptive => {
                "a controller, such as `\"aimd\"`, or `{ controller = \"tidegate\", min = \"2 requests per minute\" }`"
            }
            Self::Controller => "`\"tidegate\"`, `\"aimd\"` or `\"fixed\"`",
            Self::Paced => "an array of dimensions, such as `[\"requests\", \"tokens\"]`",
            Self::Rate => {
                "a rate, such as `\"2 requests per minute\"`, or an array of one for each dimension"
            }
            Self::Increase => {
                "a share of the first pace, such as `0.01` or `\"0.05 per success\"`"
            }
            Self::Flag => "`true` or `false`",
            Self::Levels => "two numbers from 0 to 1, the second no lower, such as `[0.2, 0.5]`",
            Self::Address => "an address to post to, such as `\"https://example.org/hook\"`",
            Self::Variable => "the name of a variable, such as `\"ALERTS_TOKEN\"`",
            Self::Learn => "`\"gradient\"` or `\"aimd\"`",
            Self::Shape => {
                "`\"token-bucket\"`, `\"fixed-window\"`, `\"sliding-window\"` or `\"unknown\"`"
            }
        })
    }
}

/// The start of a text from outside, short enough for a message.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!("did you mean `{word}`? ")).unwrap_or_default()
}

fn built_in() -> String {
    let names: Vec<&str> = BUILT_IN.iter().map(Dimension::name).collect();
    names.join(", ")
}
