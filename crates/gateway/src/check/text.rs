//! A configuration for people: its limits, its policies, and what to make of them.

mod limits;
mod policies;

use super::listing::Listing;

/// Everything that is printed.
pub(crate) fn text(listing: &Listing) -> String {
    let mut parts = Vec::new();
    if !listing.limits.is_empty() {
        parts.push(limits::limits(&listing.limits).to_string());
    }
    parts.extend(policies::tables(listing).iter().map(ToString::to_string));
    parts.push(sentence(listing));
    parts.join("\n\n")
}

/// What all of it comes to.
fn sentence(listing: &Listing) -> String {
    let file = &listing.file;
    if listing.limits.is_empty() {
        return without_limits(listing);
    }
    let services = counted(listing.queues.len(), "service");
    let limits = counted(listing.limits.len(), "limit");
    let has_calendar = listing.limits.iter().any(|line| line.limit.calendar().is_some());
    let touched = if has_calendar {
        " A window's length may touch two or three calendar periods, and each holds its amount."
    } else {
        ""
    };
    let beyond = listing.limits.iter().filter(|line| line.worst_case > line.provider_allows);
    match beyond.count() {
        0 => format!(
            "{file} is valid: {limits}, {services}; none lets more through than its provider allows.{touched}"
        ),
        beyond => format!(
            "{file} is valid: {limits}, {services}; {beyond} may let more through than the provider \
             allows.{touched}"
        ),
    }
}

fn without_limits(listing: &Listing) -> String {
    let file = &listing.file;
    if listing.slots.is_empty() && listing.breakers.is_empty() && listing.paces.is_empty() {
        return format!("{file} is valid but limits nothing: every call passes.");
    }
    let services = counted(listing.queues.len(), "service");
    let what =
        if listing.paces.is_empty() { "slots and breakers" } else { "paces, slots and breakers" };
    format!("{file} is valid: 0 limits, {services}; only {what} hold calls back.")
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
