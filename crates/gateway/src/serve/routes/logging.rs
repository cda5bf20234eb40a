//! How much the program says of itself.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use crate::serve::body;
use crate::serve::problem::Problem;
use crate::serve::routes::{authorised, json};
use crate::serve::state::Server;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    filter: String,
}

pub(super) async fn shown(server: Data<Server>) -> Result<HttpResponse, Problem> {
    json(&Filter { filter: server.log().current() })
}

pub(super) async fn change(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    authorised(&request, &server)?;
    let new: Filter = body::json(&request, payload).await?;
    server.log().change(&new.filter).map_err(Problem::unprocessable)?;
    tracing::info!("the log filter is now `{}`", server.log().current());
    shown(server).await
}
