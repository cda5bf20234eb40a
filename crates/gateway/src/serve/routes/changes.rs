//! What changes something; all of it needs the token.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tidegate::{Carry, EnforcedAs, Limit, ReconfigureError};

use crate::serve::body;
use crate::serve::problem::Problem;
use crate::serve::routes::{authorised, shown};
use crate::serve::state::{Server, in_time};

type Answer = Result<HttpResponse, Problem>;

/// New limits for a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimits {
    /// They replace all that there are.
    limits: Vec<String>,
    /// There are to be none at all.
    #[serde(default)]
    unlimited: bool,
    #[serde(default)]
    carry: Carry,
}

pub(super) async fn relimit(
    server: Data<Server>,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    authorised(&request, &server)?;
    server.service(&name)?;
    let new: NewLimits = body::json(&request, payload).await?;
    if new.limits.is_empty() != new.unlimited {
        let detail = "`limits` replaces all limits of the service: name at least one, or say `\"unlimited\": true` \
                      with an empty list";
        return Err(Problem::unprocessable(detail));
    }
    let limits = parsed(&new.limits)?;
    let shaped = |current: &[Limit]| limits.into_iter().map(|it| like(it, current)).collect();
    change(&server, &name, new.carry, shaped).await?;
    shown::one(&server, &name).await
}

pub(super) async fn reset(
    server: Data<Server>,
    name: Path<String>,
    request: HttpRequest,
) -> Answer {
    authorised(&request, &server)?;
    let handle = server.service(&name)?;
    in_time(handle.reset()).await?;
    tracing::info!("forgot what was used of the limits of `{}`", handle.name());
    shown::one(&server, &name).await
}

/// Every limit, or what is wrong with each that is none.
fn parsed(limits: &[String]) -> Result<Vec<Limit>, Problem> {
    let (mut parsed, mut faults) = (Vec::new(), Vec::new());
    for (at, text) in limits.iter().enumerate() {
        match text.parse() {
            Ok(limit) => parsed.push(limit),
            Err(error) => faults.push(format!("limits[{at}]: {error}")),
        }
    }
    if faults.is_empty() { Ok(parsed) } else { Err(Problem::unprocessable(faults.join("; "))) }
}

/// A limit on the same as one of these is enforced as that one is: by windows, or by a bucket with a burst of at
/// most its amount. The text of a limit does not say.
pub(super) fn like(limit: Limit, current: &[Limit]) -> Result<Limit, Problem> {
    let same = |it: &&Limit| (it.dimension(), it.window()) == (limit.dimension(), limit.window());
    let Some(before) = current.iter().find(same) else {
        return Ok(limit);
    };
    let shaped = match before.shape() {
        EnforcedAs::TokenBucket => {
            let burst = before.burst_amount().min(limit.amount());
            limit.burst(burst)
        }
        shape => Ok(limit.enforced_as(shape)),
    };
    let guarded = shaped.and_then(|limit| limit.guard(before.guard_span()));
    guarded.map_err(|error| Problem::unprocessable(error.to_string()))
}

/// Puts in the place of a service's limits what is made of them. Changes come one after another.
pub(super) async fn change(
    server: &Server,
    name: &str,
    carry: Carry,
    make: impl FnOnce(&[Limit]) -> Result<Vec<Limit>, Problem>,
) -> Result<(), Problem> {
    let handle = server.service(name)?;
    let mut limits = server.limits().await;
    let current = limits.get(handle.name()).cloned().unwrap_or_default();
    let new = make(&current)?;
    handle.reconfigure(new.clone(), carry).await.map_err(|error| refused(&error))?;
    limits.insert(handle.name().clone(), new);
    Ok(())
}

fn refused(error: &ReconfigureError) -> Problem {
    let status = match error {
        ReconfigureError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}
