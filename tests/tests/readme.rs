//! The code of the README, as it stands there, compiled and run.

use std::error::Error;

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

#[test]
fn the_code_of_the_readme_runs() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(the_code_of_the_readme()).expect("it runs");
}

#[test]
fn the_readme_shows_this_code() {
    let readme = include_str!("../../README.md");
    let start = readme.find("```rust\n").expect("a block of Rust") + "```rust\n".len();
    let block = &readme[start..start + readme[start..].find("```").expect("its end")];
    let this: Vec<&str> = include_str!("readme.rs").lines().map(str::trim).collect();
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(this.contains(&line), "the README has a line that is not tested: {line}");
    }
}
