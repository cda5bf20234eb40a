//! The tables of what holds beside limits.

use comfy_table::Table;
use tidegate_units::policy::adaptive::RateField;
use tidegate_units::{BreakerPolicy, ControllerKind, Priority, Share};

use crate::check::listing::{
    BreakerLine, ClassLine, LearnLine, Listing, PaceLine, PartLine, ProviderLine, QueueLine,
    RetryLine, SlotsLine, WeightLine,
};
use crate::columns;

/// The most weights of one key that are printed; all of them are in the JSON.
const WEIGHTS_SHOWN: usize = 8;

/// How a table is made.
type Draw = fn(&Listing) -> Table;

/// Every table that has a row.
pub(super) fn tables(listing: &Listing) -> Vec<Table> {
    let tables: [(bool, Draw); 9] = [
        (listing.parts.is_empty(), parts),
        (listing.queues.is_empty(), queues),
        (listing.queues.is_empty(), classes),
        (listing.weights.is_empty(), weights),
        (listing.slots.is_empty(), slots),
        (listing.paces.is_empty(), paces),
        (listing.providers.is_empty(), providers),
        (listing.retries.is_empty(), retries),
        (listing.breakers.is_empty(), breakers),
    ];
    let filled = tables.into_iter().filter(|(is_empty, _)| !is_empty);
    filled.map(|(_, table)| table(listing)).collect()
}

fn header<const N: usize>(titles: [&str; N]) -> Vec<String> {
    titles.map(str::to_owned).into()
}

fn parts(listing: &Listing) -> Table {
    let header = header(["part, first match counts", "limits", "calls under way"]);
    let row = |PartLine { part, limits, slots }: &PartLine| {
        let slots = slots.map_or("any number".to_owned(), |slots| format!("up to {slots}"));
        vec![part.to_string(), limits.to_string(), slots]
    };
    columns::table(header, listing.parts.iter().map(row), 1)
}

fn queues(listing: &Listing) -> Table {
    let header = header([
        "queue",
        "when full",
        "turns between",
        "limits of its own",
        "waiting calls",
        "waiting costs",
        "longest wait",
        "next in line is\nput off by up to",
    ]);
    let row = |queue: &QueueLine| {
        let QueueLine { service, capacity, policy, fair_between, .. } = queue;
        let own = listing.limits.iter().filter(|line| line.part.is_service(service));
        let costs = &policy.max_cost;
        vec![
            format!("service {service}"),
            policy.overflow.to_string(),
            fair_between.clone().unwrap_or_else(|| "first key of a call".to_owned()),
            own.count().to_string(),
            format!("up to {capacity}"),
            if costs.is_none() { "any".to_owned() } else { format!("up to {costs}") },
            policy.timeout.to_string(),
            policy.backfill.to_string(),
        ]
    };
    columns::table(header, listing.queues.iter().map(row), 3)
}

fn classes(listing: &Listing) -> Table {
    let titles =
        std::iter::once("share of what is granted").chain(Priority::ALL.map(Priority::name));
    let row = |queue: &QueueLine| {
        let service = format!("service {}", queue.service);
        std::iter::once(service).chain(queue.classes.iter().map(class)).collect()
    };
    let header: Vec<String> = titles.map(str::to_owned).collect();
    let columns = header.len();
    columns::table(header, listing.queues.iter().map(row), columns)
}

fn class(line: &ClassLine) -> String {
    let gets = match (line.is_strict, line.share) {
        (true, _) => "first".to_owned(),
        (false, Share::NONE) => "what is left".to_owned(),
        (false, share) => format!("at least {share}"),
    };
    match line.floor {
        Share::NONE => gets,
        floor => format!("{gets}, leaves {floor}"),
    }
}

fn weights(listing: &Listing) -> Table {
    let lines = &listing.weights;
    let same =
        |one: &WeightLine, other: &WeightLine| one.part.to_string() == other.part.to_string();
    let row = |lines: &[WeightLine]| {
        let weight = |line: &WeightLine| format!("{} {}", line.value, line.weight);
        let mut shown: Vec<String> = lines.iter().take(WEIGHTS_SHOWN).map(weight).collect();
        if lines.len() > WEIGHTS_SHOWN {
            shown.push(format!("{} more", lines.len() - WEIGHTS_SHOWN));
        }
        shown.push("others 1".to_owned());
        let part = lines.first().map(|line| line.part.to_string());
        vec![part.unwrap_or_default(), shown.join(", ")]
    };
    columns::table(header(["turns", "weights"]), lines.chunk_by(same).map(row), 2)
}

fn slots(listing: &Listing) -> Table {
    let header = header(["calls under way", "at most", "a slot is taken back after"]);
    let row = |line: &SlotsLine| {
        let slots = line.policy.slots;
        let most = match &line.learned {
            None => slots.to_string(),
            Some(LearnLine { algorithm, min, max, .. }) => {
                format!("{slots} at first, then {min} to {max} by {algorithm}")
            }
        };
        vec![line.part.to_string(), most, line.policy.lease.to_string()]
    };
    columns::table(header, listing.slots.iter().map(row), 1)
}

fn paces(listing: &Listing) -> Table {
    let header = header(["pace", "of", "set by", "at first", "at least", "at most"]);
    let row = |line: &PaceLine| {
        let by = match line.controller {
            ControllerKind::Aimd => {
                format!("aimd: {} of it, {}", line.policy.decrease, line.policy.increase)
            }
            other => other.to_string(),
        };
        let bounds = [RateField::Start, RateField::Min, RateField::Max];
        let mut row = vec![format!("service {}", line.service), line.dimension.to_string(), by];
        row.extend(bounds.map(|field| line.bound(field)));
        row
    };
    columns::table(header, listing.paces.iter().map(row), 3)
}

fn providers(listing: &Listing) -> Table {
    let header = header(["answers", "read as those of"]);
    let row =
        |line: &ProviderLine| vec![format!("service {}", line.service), line.provider.to_string()];
    columns::table(header, listing.providers.iter().map(row), 2)
}

fn retries(listing: &Listing) -> Table {
    let header = header([
        "retries",
        "tries",
        "first delay",
        "longest delay",
        "jitter",
        "at most, of\nfirst tries",
    ]);
    let row = |RetryLine { service, policy, .. }: &RetryLine| {
        vec![
            format!("service {service}"),
            policy.attempts.to_string(),
            policy.backoff.base.to_string(),
            policy.backoff.max.to_string(),
            policy.jitter.to_string(),
            policy.budget.to_string(),
        ]
    };
    columns::table(header, listing.retries.iter().map(row), 1)
}

fn breakers(listing: &Listing) -> Table {
    let header = header([
        "breaker",
        "opens at",
        "or at",
        "of the last",
        "stays open for",
        "probes to close",
    ]);
    let row = |BreakerLine { part, policy, .. }: &BreakerLine| {
        vec![
            part.to_string(),
            format!("{} failed, {} of all", policy.failures, policy.failure_rate),
            slow(policy),
            policy.window.to_string(),
            policy.open.to_string(),
            policy.probes.to_string(),
        ]
    };
    columns::table(header, listing.breakers.iter().map(row), 3)
}

fn slow(policy: &BreakerPolicy) -> String {
    match policy.slow_after {
        Some(after) => format!("{} over {after}, {} of all", policy.failures, policy.slow_rate),
        None => "no call is slow".to_owned(),
    }
}
