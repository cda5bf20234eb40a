//! Every way in which a text can be no scenario, and what is said of it.

use std::path::Path;

use tidegate_simulator::Scenario;

/// One line of the table: these lines, put into a scenario that is fine without them.
fn row(label: &str, lines: &str) -> String {
    let text =
        if lines.contains("name") { lines.to_owned() } else { format!("name = \"t\"\n{lines}") };
    let refused = Scenario::parse(&text, "t.toml").expect_err(label).to_string();
    assert_eq!(refused.lines().count(), 1, "{label}: {refused}");
    format!("{label:24} {refused}")
}

/// The same inside `[provider]`, beside a limit.
fn provider_row(label: &str, lines: &str) -> String {
    row(label, &format!("[provider]\nrequests = {{ rate = 1 }}\n{lines}"))
}

/// One share more than there may be keys.
fn many() -> String {
    (0..=1_000).map(|key| format!("k{key} = 0")).collect::<Vec<_>>().join(", ")
}

/// One step more than there may be.
fn many_steps() -> String {
    (0..=64).map(|at| format!("{{ at_s = {at}, factor = 1 }}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_refusal_is_one_line_with_file_line_and_what_is_accepted() {
    let rows = [
        row("no TOML", "[provider\n"),
        row("no name", "# name\n[provider]\nrequests = { rate = 1 }"),
        row("an empty name", "name = \"\"\n[provider]\nrequests = { rate = 1 }"),
        row("no provider", ""),
        row("no limit", "[provider]\nkind = \"bucket\""),
        row("an unknown section", "[server]"),
        provider_row("an unknown key", "quota = 5"),
        provider_row("an unknown kind", "kind = \"leaky\""),
        provider_row("unknown headers", "headers = \"some\""),
        provider_row("no rate", "tokens = { burst_s = 1 }"),
        provider_row("two rates", "tokens = { rate = 1, rate_of_load = 1 }"),
        provider_row("a rate of zero", "tokens = { rate = 0 }"),
        provider_row("a negative share", "tokens = { rate_of_load = -0.7 }"),
        provider_row("no number", "tokens = { rate_of_load = nan }"),
        provider_row("text for a number", "tokens = { rate_of_load = \"0.7\" }"),
        provider_row("an endless burst", "tokens = { rate = 1, burst_s = inf }"),
        provider_row("an empty window", "window_s = 0"),
        provider_row("more than all", "streamed = 1.01"),
        provider_row("less than none", "overload = -0.1"),
        provider_row("nothing to burn", "kind = \"window\"\npenalty = true"),
        provider_row("no load", "[clients]\nload_factor = 0"),
        provider_row("half a class", "[clients]\nclasses = { high = 0.5, low = 0.1 }"),
        provider_row("a negative class", "[clients]\nclasses = { high = -0.5, low = 1.5 }"),
        provider_row("text for a count", "[clients]\nmax_retries = \"5\""),
        provider_row("negative retries", "[clients]\nmax_retries = -1"),
        provider_row("endless retries", "[clients]\nmax_retries = 101"),
        provider_row("nothing left", "lost = 1.1"),
        provider_row("a clock of yesterday", "clock_skew_s = -86400"),
        provider_row("neither yes nor no", "limit_header_lies = 1"),
        provider_row("a step to nothing", "steps = [{ at_s = 1200, factor = 0 }]"),
        provider_row("a step of no time", "steps = [{ factor = 0.5 }]"),
        provider_row("a step before the run", "steps = [{ at_s = -1, factor = 0.5 }]"),
        provider_row(
            "steps at once",
            "steps = [\n{ at_s = 20, factor = 0.5 },\n{ at_s = 20, factor = 1 },\n]",
        ),
        provider_row("too many steps", &format!("steps = [{}]", many_steps())),
        provider_row("too much noise", "noise = { amplitude = 0.6 }"),
        provider_row("noise of no strength", "noise = { period_s = 60 }"),
        provider_row("noise of no length", "noise = { amplitude = 0.1, period_s = 0 }"),
        provider_row("no clients", "[clients]\ncount = 0"),
        provider_row("too many clients", "[clients]\ncount = 65"),
        provider_row("an unknown demand", "[clients]\ndemand = \"uneven\""),
        provider_row("a guess of nothing", "[clients]\ninitial_rate_factor = 0"),
        provider_row("no keys", "[clients]\nkeys = {}"),
        provider_row("a skew of nothing", "[clients]\nkeys = { skew = 1 }"),
        provider_row("zero keys", "[clients]\nkeys = { count = 0 }"),
        provider_row("too many keys", "[clients]\nkeys = { count = 1001 }"),
        provider_row("half a key", "[clients]\nkeys = { count = 1.5 }"),
        provider_row("too skewed", "[clients]\nkeys = { count = 8, skew = 10.5 }"),
        provider_row("skewed the other way", "[clients]\nkeys = { count = 8, skew = -1 }"),
        provider_row("keys two ways", "[clients]\nkeys = { count = 1, shares = { a = 1 } }"),
        provider_row("skewed shares", "[clients]\nkeys = { skew = 1, shares = { a = 1 } }"),
        provider_row("half of the shares", "[clients]\nkeys = { shares = { a = 0.25, b = 0.25 } }"),
        provider_row("no shares", "[clients]\nkeys = { shares = {} }"),
        provider_row("more than all", "[clients]\nkeys = { shares = { a = 1.5 } }"),
        provider_row("a key of no name", "[clients]\nkeys = { shares = { \"\" = 1 } }"),
        provider_row("a key of two words", "[clients.keys]\nshares.\"a b\" = 1"),
        provider_row("an unknown key", "[clients]\nkeys = { number = 8 }"),
        provider_row("too many shares", &format!("[clients.keys]\nshares = {{ {} }}", many())),
    ];
    insta::assert_snapshot!(rows.join("\n"));
}

#[test]
fn a_file_that_is_missing_or_too_large_is_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let large = folder.join("large.toml");
    std::fs::write(&large, vec![b'#'; Scenario::FILE_MAX + 1]).expect("the folder is ours");
    let missing = folder.join("no-such.toml");
    let texts = [large, missing].map(|path| {
        let text = Scenario::read(&path).expect_err("refused").to_string();
        text.replace(&format!("{}/", folder.display()), "")
    });
    insta::assert_snapshot!(texts.join("\n"), @"
    large.toml: more than 1048576 bytes: a scenario is a short text
    no-such.toml: cannot be read: No such file or directory (os error 2)
    ");
}

#[test]
fn a_whole_file_reads_as_written() {
    let text = include_str!("../../../docs/examples/scenario.toml");
    let scenario = Scenario::parse(text, "scenario.toml").expect("a scenario");
    assert_eq!(scenario.name(), "const-none");
    assert_eq!(scenario, Scenario::named("const-none").expect("known"));
}
