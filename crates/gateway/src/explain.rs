//! The command `explain`: what would become of a call at a running server, and why.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::arguments::ExplainArguments;
use crate::exit::Failure;
use crate::printer::Printer;
use crate::remote::{self, Remote};

/// What is read of the answer.
#[derive(Debug, Deserialize)]
struct Answer {
    text: String,
}

/// Asks and prints.
///
/// # Errors
///
/// [`Failure::Refused`] for a service or a call that is none, [`Failure::Failed`] when nobody answers.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    let remote = Remote::new(&arguments.backend)?;
    let path = format!("/api/v1/services/{}/explain", remote::segment(&arguments.service));
    let answer = remote.post(&path, &question(arguments))?;
    let text = if arguments.json { answer } else { remote::read::<Answer>(&answer)?.text };
    Printer::output().print(text.trim_end()).map_err(Failure::failed)
}

fn question(arguments: &ExplainArguments) -> Value {
    let mut question = Map::new();
    let amounts = [
        ("tokens", arguments.tokens),
        ("input_tokens", arguments.input_tokens),
        ("output_tokens", arguments.output_tokens),
        ("within_ms", arguments.within.map(tidegate_units::Span::as_millis)),
    ];
    for (name, amount) in amounts {
        question.extend(amount.map(|amount| (name.to_owned(), json!(amount))));
    }
    for (name, text) in [("model", &arguments.model), ("endpoint", &arguments.endpoint)] {
        question.extend(text.as_ref().map(|text| (name.to_owned(), json!(text))));
    }
    let keys: Map<String, Value> =
        arguments.key.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    question.insert("keys".to_owned(), keys.into());
    question.insert("priority".to_owned(), json!(arguments.priority));
    question.into()
}
