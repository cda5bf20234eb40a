//! What changes something; all of it needs the token.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tidegate::{Carry, Limit, ReconfigureError};

use crate::serve::body;
use crate::serve::problem::Problem;
use crate::serve::routes::{authorised, shown};
use crate::serve::state::{Server, in_time};

type Answer = Result<HttpResponse, Problem>;

/// New limits for a service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLimits {
    limits: Vec<String>,
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
    let limits = parsed(&new.limits)?;
    change(&server, &name, new.carry, |_| Ok(limits)).await?;
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
