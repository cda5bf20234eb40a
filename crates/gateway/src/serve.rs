//! The command `serve`: limiters that run, and everything about them over HTTP.
//!
//! Limiters, the demonstration and the servers share one actix system. A second task looks at everything
//! once a second for those who listen ([`pulse`]). It ends in order when it is told to: no more callers,
//! who waits is served for a few seconds, streams are closed, then the listeners.
//!
//! # Invariants
//!
//! - SRV-1: nothing that changes anything is done without the token, nor under a name that is not the server's
//!   while it listens for this machine only.
//! - SRV-2: bodies, streams, connections and waits for an answer have bounds; reaching one is a status of its
//!   own, or the end of a stream that says so.

mod body;
mod clients;
mod guard;
mod host;
mod listen;
mod log;
mod page;
mod problem;
mod pulse;
mod routes;
mod state;
mod token;

use std::time::Duration;

use actix_web::dev::Server as HttpServer;
use actix_web::web::Data;
use tidegate::{Drain, Tidegate};
use tidegate_observability::otlp::OtlpSettings;

use crate::arguments::ServeArguments;
use crate::config_file;
use crate::demo::{self, Demo, DemoSettings};
use crate::exit::Failure;
use crate::printer::Printer;
use listen::Listeners;
use log::LogFilter;
use state::Server;
use token::Token;

/// How long those who wait are still served when the program ends.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves until it is told to stop.
///
/// # Errors
///
/// [`Failure::Refused`] for a configuration or an address that is wrong, [`Failure::Failed`] when the address
/// is taken or a listener fails.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Failure> {
    let log = log::start(&arguments.log).map_err(|fault| Failure::Refused(vec![fault]))?;
    let config = match &arguments.config {
        Some(file) => config_file::read(file).map_err(Failure::Refused)?,
        None => demo::config(),
    };
    let (token, drawn) = Token::find(arguments.token_file.as_deref())?;
    let listeners = Listeners::bind(&arguments.listen, arguments.admin.as_deref())?;
    let ready = || {
        let say = |token| Printer::error().print(&format!("token for changes: {token}"));
        drawn.map_or(Ok(()), say).map_err(Failure::failed)
    };
    actix::System::new().block_on(serve(arguments, config, (token, log), (listeners, ready)))
}

async fn serve(
    arguments: &ServeArguments,
    config: tidegate::Config,
    (token, log): (Token, LogFilter),
    (listeners, ready): (Listeners, impl FnOnce() -> Result<(), Failure>),
) -> Result<(), Failure> {
    let mut builder = Tidegate::builder().config(config.clone());
    if let Some(collector) = &arguments.otlp {
        builder = builder.otlp(OtlpSettings::to(collector));
    }
    let tidegate = builder.start().map_err(|error| Failure::Refused(vec![error.to_string()]))?;
    let demo = arguments.config.is_none().then(|| {
        Demo::start(&tidegate, DemoSettings { seed: arguments.seed, speed: arguments.speed })
    });
    say_what_runs(arguments, &tidegate);
    let server = Data::new(Server::new(tidegate, demo, &config, (token, log)));
    let pulse = actix::spawn(pulse::beat(server.clone()));
    let running = listeners.serve(&server, arguments)?;
    ready()?;
    announce(&running)?;
    if let Some(span) = arguments.traffic_for {
        actix::spawn(stop_traffic(server.clone(), span.to_duration()));
    }
    let ended = until_told(running.servers).await;
    pulse.abort();
    stop(&server, running.handles).await;
    ended
}

/// What is said on standard output: where it listens, and nothing else, so that programs can read it.
fn announce(running: &listen::Running) -> Result<(), Failure> {
    let mut printer = Printer::output();
    let mut say = |text: String| printer.print(&text).map_err(Failure::failed);
    say(format!("listening on http://{}", running.listen))?;
    running.admin.map_or(Ok(()), |admin| say(format!("changes on http://{admin}")))
}

fn say_what_runs(arguments: &ServeArguments, tidegate: &Tidegate) {
    let services: Vec<String> =
        tidegate.services().map(|handle| handle.name().to_string()).collect();
    let services = services.join(", ");
    match &arguments.config {
        Some(file) => tracing::info!(
            "limiters run for {services} of {}; nothing sends calls through them here",
            file.display()
        ),
        None => tracing::info!(
            seed = arguments.seed,
            "demonstration: generated traffic to emulated services {services}"
        ),
    }
}

async fn stop_traffic(server: Data<Server>, after: Duration) {
    tokio::time::sleep(after).await;
    if let Some(demo) = server.demo() {
        demo.stop();
        tracing::info!("nobody calls any more");
    }
}

/// Until a signal comes, or a server ends by itself.
async fn until_told(servers: Vec<HttpServer>) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let failed = |error: std::io::Error| Failure::failed(format!("the server ended: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut running = tokio::task::JoinSet::new();
    for server in servers {
        running.spawn_local(server);
    }
    tokio::select! {
        _ = terminate.recv() => tracing::info!("told to terminate"),
        _ = interrupt.recv() => tracing::info!("interrupted"),
        ended = running.join_next() => {
            if let Some(Ok(Err(error))) = ended {
                return Err(failed(error));
            }
        }
    }
    running.detach_all();
    Ok(())
}

/// Ends everything in order.
async fn stop(server: &Server, handles: Vec<actix_web::dev::ServerHandle>) {
    if let Some(demo) = server.demo() {
        demo.stop();
    }
    server.tidegate().shutdown(Drain::within(DRAIN)).await;
    server.clients().close();
    for handle in handles {
        handle.stop(true).await;
    }
    tracing::info!("stopped");
}
