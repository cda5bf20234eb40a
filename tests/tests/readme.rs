//! The code of the README, as it stands there, compiled and run.

use std::error::Error;

/// What the host's own calls to a service answer.
struct Response {
    status: u16,
    text: &'static str,
    used: tidegate::Cost,
}

/// Stands for the host's own call to the service, which takes as long as it is given at most.
fn send(left: std::time::Duration) -> impl Future<Output = Response> {
    assert!(left > std::time::Duration::from_secs(20), "the time of a queue");
    let used = tidegate::Cost::request().input_tokens(700).output_tokens(150);
    std::future::ready(Response { status: 200, text: "an answer", used })
}

/// Stands for the host's own call to the service.
fn call() -> impl Future<Output = &'static str> {
    std::future::ready("an answer")
}

#[rustfmt::skip]
#[expect(clippy::print_stderr, reason = "what a reader of the README would write")]
async fn the_code_of_the_readme() -> Result<(), Box<dyn Error>> {
    use std::time::Duration;
    use tidegate::{Cost, Observation, ServiceConfig, Tidegate};

    let tidegate = Tidegate::builder()
        .service("anthropic", ServiceConfig::limited([
            "50 requests per minute".parse()?,
            "40_000 tokens per minute".parse()?,
        ]))?
        .global_limit("1000 requests per minute".parse()?)
        .start()?; // or `.config_file("tidegate.toml")?.start()?`
    let claude = tidegate.service("anthropic")?; // cheap to clone, Send + Sync

    // Async: waits in line for at most 30 s, and is refused at once where that cannot be enough.
    let permit = claude.request().tokens(1_200).within(Duration::from_secs(30)).acquire().await?;
    let response = call().await;
    // What it really cost: too much is given back, too little is owed and paid before anything passes.
    permit.ok(Cost::request().input_tokens(700).output_tokens(150));

    // A plain thread, without any runtime:
    let permit = claude.request().acquire_blocking()?;
    // A 429 with `Retry-After: 3` holds everybody off this service, at once:
    permit.settle(Observation::from_status(429).retry_after(tidegate::Span::from_secs(3)));

    // Optional work that is skipped when there is no room:
    match claude.request().tokens(300).try_acquire() {
        Ok(permit) => { /* … */ permit.done() }
        Err(refused) => eprintln!("{refused}"),
        // the limit of service `anthropic` is reached: 50 of 50 requests per 1m used, 1 asked for;
        // retry after 1.2s (E4404)
    }
    assert_eq!(response, "an answer");
    Ok(())
}

#[rustfmt::skip]
#[expect(clippy::print_stderr, reason = "what a reader of the README would write")]
async fn what_is_seen_in_the_readme() -> Result<(), Box<dyn Error>> {
    use tidegate::{ReportFormat, ReportQuery, Tidegate};

    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples"))?;
    let tidegate = Tidegate::builder()
        .config_file("tidegate.toml")?
        .on_wait(|event| eprintln!("{event}")) // also on_reject, on_pace_change, on_alert
        .start()?;
    let events = tidegate.subscribe().ok_or("256 listen already")?; // events.next().await, next_within, try_next
    let text = tidegate.metrics().await?; // for Prometheus
    let status = tidegate.status().await?; // limits, waits, trends, forecasts, warnings
    let report = tidegate.report(&ReportQuery::default()).await?.render(ReportFormat::Table);
    assert_eq!(events.try_next(), None);
    assert!(text.contains("tidegate_granted_total") && report.contains("total"));
    assert!(!status.services.is_empty());
    Ok(())
}

#[rustfmt::skip]
async fn the_runs_of_the_readme() -> Result<(), Box<dyn Error>> {
    use std::time::Duration;
    use tidegate::{Observation, ServiceConfig, Tidegate};
    use tidegate::{Attempt, Called, Drain, Policy};

    let tidegate = Tidegate::builder()
        .service("anthropic", ServiceConfig::default())?
        .service("openai", ServiceConfig::default())?
        .start()?;
    let (claude, gpt) = (tidegate.service("anthropic")?, tidegate.service("openai")?);
    let ask = |attempt: Attempt| async move {
        let response = send(attempt.left()).await;
        match response.status {
            200 => Called::ok(response.text, Observation::ok().actual(response.used)),
            status => Called::failed(response.text, Observation::from_status(status)),
        }
    };
    // What is refused for rate or load is made again, later, and waits in line and pays again:
    let answer = claude.request().tokens(1_200).run(ask).await?;
    assert_eq!(answer, "an answer");

    // What may be made twice is also made again when it failed, and once more when it is slow;
    let request = claude.request().tokens(1_200).idempotent().hedge_after(Duration::from_secs(5));
    // and what comes to nothing is answered by somebody else, who is told why.
    let answer = request.run_or(ask, |_| gpt.request().run(ask)).await?;

    // Optional work is skipped when there is no room, and leaves to others what is kept for them:
    let summary = claude.request().policy(Policy::Optional).run(ask).await.ok();

    // Who waits is served for ten more seconds, and nobody else passes:
    tidegate.shutdown(Drain::within(Duration::from_secs(10))).await;
    assert_eq!((answer, summary), ("an answer", Some("an answer")));
    assert!(gpt.request().try_acquire().is_err(), "stopped");
    Ok(())
}

#[rustfmt::skip]
#[expect(clippy::print_stderr, reason = "what a reader of the README would write")]
async fn one_limit_of_the_readme() -> Result<(), Box<dyn Error>> {
    use tidegate_algorithms::{Direct, Keyed, Refused, Timed};
    use tidegate_units::{Limit, MonotonicClock, Span};

    let limit: Limit = "10 requests per second".parse()?;
    let direct = Direct::new(&limit); // cheap to clone, Send + Sync
    direct.check()?; // now or not at all
    match direct.check_n(20) {
        Err(Refused::Never { capacity, .. }) => eprintln!("at most {capacity} pass at once"),
        Err(Refused::Later { retry_after }) => eprintln!("try again after {retry_after}"),
        answer => answer?,
    }
    direct.until_ready().await?; // in line, first come, first served
    // In line on this thread, or refused at once if the line is too long for that:
    direct.until_ready_within(1, Span::from_secs(5)).wait()?;

    // The same limit for each of 100 000 users at a time; a flood of others cannot take more memory,
    // nor give anybody a burst twice.
    let users: Timed<Keyed<String>, _> = Timed::new(Keyed::new(&limit, 100_000), MonotonicClock::new());
    if users.check("ada").is_admitted() { /* … */ }
    assert_eq!(users.limiter().len(), 1);
    assert_eq!(direct.check_n(20), Err(Refused::Never { cost: 20, capacity: 10 }));
    Ok(())
}

#[test]
fn the_code_of_the_readme_runs() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(the_code_of_the_readme()).expect("it runs");
}

#[test]
fn what_is_seen_in_the_readme_is_seen() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(what_is_seen_in_the_readme()).expect("it runs");
}

#[test]
fn the_runs_of_the_readme_run_without_a_timer_of_any_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(the_runs_of_the_readme()).expect("they run");
}

#[test]
fn one_limit_of_the_readme_runs_without_a_timer_of_any_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(one_limit_of_the_readme()).expect("it runs");
}

#[test]
fn the_readme_shows_this_code() {
    let readme = include_str!("../../README.md");
    let blocks: Vec<&str> = readme.split("```rust\n").skip(1).collect();
    assert_eq!(blocks.len(), 4, "the library, what is seen, calls that are run, a limit alone");
    let this: Vec<&str> = include_str!("readme.rs").lines().map(str::trim).collect();
    for block in blocks {
        let (block, _) = block.split_once("```").expect("its end");
        for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
            assert!(this.contains(&line), "the README has a line that is not tested: {line}");
        }
    }
}
