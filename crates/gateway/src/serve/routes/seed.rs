//! Figures and changes in the form of an older limiter, whose clients need not change: requests per minute
//! and a burst, with the calls that were let through and those that the service refused.

use std::collections::BTreeMap;

use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tidegate::{Carry, Dimension, Limit, Outcome, ServiceName, Span};
use tidegate_observability::{LimitSample, ServiceSample};

use crate::serve::body;
use crate::serve::problem::Problem;
use crate::serve::routes::{authorised, changes, json};
use crate::serve::state::Server;

type Answer = Result<HttpResponse, Problem>;

const MINUTE: Span = Span::from_secs(60);

/// One service.
#[derive(Debug, Serialize)]
struct Shown {
    current_state: State,
    config: Config,
}

#[derive(Debug, Serialize)]
struct State {
    /// Requests that would pass now, those lent to the gate included; nothing where they are not limited.
    available_tokens: Option<u64>,
    total_requests: u64,
    rate_limited_requests: u64,
    /// As fast as calls are sent now at the most; nothing where that is neither limited nor learned.
    requests_per_minute: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Config {
    requests_per_minute: Option<f64>,
    burst_limit: Option<u64>,
    /// In seconds.
    base_delay: f64,
    /// In seconds.
    max_delay: f64,
}

#[derive(Debug, Deserialize)]
struct Which {
    service: Option<String>,
}

pub(super) async fn status(server: Data<Server>, request: HttpRequest) -> Answer {
    let query = Query::<Which>::from_query(request.query_string())
        .map_err(|error| Problem::bad_request(format!("the query: {error}")))?;
    let sample = server.sample().await?;
    if let Some(name) = &query.service {
        let handle = server.service(name)?;
        let service = sample.service(name).map(|service| shown(&server, handle.name(), service));
        return json(&service);
    }
    let shown = |service: &ServiceSample| {
        (service.service.to_string(), shown(&server, &service.service, service))
    };
    json(&sample.services.iter().map(shown).collect::<BTreeMap<_, _>>())
}

fn shown(server: &Server, name: &ServiceName, sample: &ServiceSample) -> Shown {
    let limit = tightest(sample);
    let configured = limit.map(|limit| per_minute(limit.amount, limit.window_ms));
    let paced = sample.paces.iter().find(|pace| pace.dimension == Dimension::Requests);
    let retry = server.config().services.get(name).map(|service| service.retry).unwrap_or_default();
    Shown {
        current_state: State {
            available_tokens: limit.map(|limit| limit.available.saturating_add(limit.lent)),
            total_requests: sample.granted(),
            rate_limited_requests: sample.ended(Outcome::RateLimited),
            requests_per_minute: paced.map(|pace| pace.per_second * 60.0).or(configured),
        },
        config: Config {
            requests_per_minute: configured,
            burst_limit: limit.map(|limit| limit.capacity),
            base_delay: retry.backoff.base.as_secs_f64(),
            max_delay: retry.backoff.max.as_secs_f64(),
        },
    }
}

/// The limit on requests that lets the fewest through in the long run.
fn tightest(sample: &ServiceSample) -> Option<&LimitSample> {
    let requests = sample.limits.iter().filter(|limit| limit.dimension == Dimension::Requests);
    requests.min_by(|one, other| {
        let rate = |limit: &LimitSample| per_minute(limit.amount, limit.window_ms);
        rate(one).total_cmp(&rate(other))
    })
}

fn per_minute(amount: u64, window_ms: u64) -> f64 {
    let amount = Span::from_secs(amount).as_secs_f64();
    amount * MINUTE.as_secs_f64() / Span::from_millis(window_ms.max(1)).as_secs_f64()
}

/// What is to be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    service: Option<String>,
    requests_per_minute: Option<u64>,
    burst_limit: Option<u64>,
    base_delay: Option<f64>,
    max_delay: Option<f64>,
}

pub(super) async fn configure(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    authorised(&request, &server)?;
    let wanted: Wanted = body::json(&request, payload).await?;
    let name = which(&server, wanted.service.as_deref())?;
    delays_stay(&server, &name, &wanted)?;
    if wanted.requests_per_minute.is_some() || wanted.burst_limit.is_some() {
        let make = |current: &[Limit]| relimited(current, &wanted);
        changes::change(&server, name.as_str(), Carry::Additive, make).await?;
    }
    let sample = server.sample().await?;
    json(&sample.service(name.as_str()).map(|service| shown(&server, &name, service)))
}

/// The service that is named, or the only one there is.
fn which(server: &Server, name: Option<&str>) -> Result<ServiceName, Problem> {
    let mut all = server.tidegate().services().map(|handle| handle.name().clone());
    match (name, all.next(), all.next()) {
        (Some(name), ..) => Ok(server.service(name)?.name().clone()),
        (None, Some(only), None) => Ok(only),
        _ => Err(Problem::unprocessable("`service`: say which, for there are several")),
    }
}

/// The waits between retries are set at the start. To state them as they are is no change.
fn delays_stay(server: &Server, name: &ServiceName, wanted: &Wanted) -> Result<(), Problem> {
    let retry = server.config().services.get(name).map(|service| service.retry).unwrap_or_default();
    let current = [
        ("base_delay", wanted.base_delay, retry.backoff.base),
        ("max_delay", wanted.max_delay, retry.backoff.max),
    ];
    for (field, wanted, current) in current {
        let current = current.as_secs_f64();
        if wanted.is_some_and(|wanted| (wanted - current).abs() > 1e-9) {
            return Err(Problem::unprocessable(format!(
                "`{field}`: it is {current} s and cannot be changed while the program runs, for calls that \
                 back off have been told when they come again: set `retry = {{ base = …, max = … }}` in the \
                 configuration and start again"
            )));
        }
    }
    Ok(())
}

/// The same limits with another one on requests per minute.
fn relimited(current: &[Limit], wanted: &Wanted) -> Result<Vec<Limit>, Problem> {
    let replaced =
        |limit: &&Limit| limit.dimension() == Dimension::Requests && limit.window() == MINUTE;
    let before = current.iter().find(replaced);
    let Some(amount) = wanted.requests_per_minute.or(before.map(Limit::amount)) else {
        let detail = "`burst_limit` alone: there is no limit on requests per minute, state `requests_per_minute`";
        return Err(Problem::unprocessable(detail));
    };
    let wrong = |error: tidegate::LimitError| Problem::unprocessable(error.to_string());
    let limit = Limit::new(Dimension::Requests, amount, MINUTE).map_err(wrong)?;
    let limit = changes::like(limit, current)?;
    let limit = match wanted.burst_limit {
        Some(burst) => limit.burst(burst).map_err(wrong)?,
        None => limit,
    };
    let others = current.iter().filter(|limit| !replaced(limit)).cloned();
    Ok(std::iter::once(limit).chain(others).collect())
}
