//! The command `feedback`: what responses mean, one line of JSON for each.
//!
//! Responses come on standard input, as JSON Lines or as `curl -i` prints them. What cannot be read is
//! said with its line, and the rest is read all the same.

mod answer;
mod input;
mod raw;
mod record;

use std::io::{self, BufRead};

use tidegate_adaptive::feedback::Profile;

use crate::arguments::FeedbackArguments;
use crate::exit::Failure;
use crate::printer::Printer;

/// Reads what the arguments say from standard input.
///
/// # Errors
///
/// [`Failure::Refused`] when no provider has the name that was given, [`Failure::Failed`] with every
/// line that could not be read.
pub(crate) fn run(arguments: &FeedbackArguments) -> Result<(), Failure> {
    let provider = arguments.provider.as_deref().map(named).transpose();
    let provider = provider.map_err(|fault| Failure::Refused(vec![fault]))?;
    let mut input = io::stdin().lock();
    let faults = if arguments.http {
        raw::read(&mut input, &provider.unwrap_or_else(Profile::generic))
    } else {
        lines(&mut input, provider.as_ref())
    };
    faults
        .map_err(Failure::failed)
        .and_then(|faults| if faults.is_empty() { Ok(()) } else { Err(Failure::Failed(faults)) })
}

/// The profile of this name, or which names there are.
fn named(name: &str) -> Result<Profile, String> {
    let shown: String = name.chars().take(40).collect();
    Profile::named(name).ok_or_else(|| {
        let lower = shown.to_lowercase();
        let near = Profile::names()
            .map(|known| (strsim::osa_distance(&lower, known), known))
            .filter(|(distance, _)| *distance <= (lower.chars().count() / 3).max(1))
            .min();
        let near = near.map(|(_, known)| format!("did you mean `{known}`? ")).unwrap_or_default();
        let known = Profile::names().collect::<Vec<_>>().join(", ");
        format!("--provider `{}`: {near}use one of {known}", shown.escape_debug())
    })
}

/// Answers to one record a line; what could not be read comes back.
fn lines(input: &mut impl BufRead, provider: Option<&Profile>) -> Result<Vec<String>, String> {
    let mut printer = Printer::output();
    let mut faults = input::Faults::default();
    let mut number: u64 = 0;
    while let Some(line) = input::line(input)? {
        number += 1;
        let answer = match line {
            input::Line::Text(text) if text.trim_ascii().is_empty() => continue,
            input::Line::Text(text) => record::answer(&text, provider),
            input::Line::TooLong => Err(format!("more than {} bytes", input::LINE_MAX)),
        };
        match answer {
            Ok(answer) => printer.print(&answer)?,
            Err(fault) => faults.note(format!("standard input:{number}: {fault}")),
        }
        if printer.reader_gone() {
            break;
        }
    }
    Ok(faults.finish())
}
