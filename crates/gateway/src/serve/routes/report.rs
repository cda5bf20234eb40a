//! What was used, by service, model, key or hour, in the form that is asked for.

use actix_web::http::header;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tidegate_observability::report::{HOURS_MAX, ReportBy, ReportFormat, ReportQuery};

use crate::serve::problem::Problem;
use crate::serve::state::{Server, in_time};

/// How far back a report goes unless it is said.
const HOURS: u32 = 24;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    format: Option<String>,
    by: Option<String>,
    hours: Option<u32>,
    service: Option<String>,
}

pub(super) async fn report(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let asked = Query::<Asked>::from_query(request.query_string())
        .map_err(|error| Problem::bad_request(format!("the query: {error}")))?
        .into_inner();
    let format = asked.format.as_deref().map(str::parse).transpose();
    let by = asked.by.as_deref().map(str::parse).transpose();
    let format = format.map_err(|error| Problem::bad_request(format!("format={error}")))?;
    let by = by.map_err(|error| Problem::bad_request(format!("by={error}")))?;
    let hours = asked.hours.unwrap_or(HOURS);
    if !(1..=HOURS_MAX).contains(&hours) {
        return Err(Problem::bad_request(format!("hours={hours}: use 1 to {HOURS_MAX}")));
    }
    if let Some(service) = &asked.service {
        server.service(service)?;
    }
    let (format, by) = (format.unwrap_or(ReportFormat::Json), by.unwrap_or(ReportBy::Service));
    let query = ReportQuery { by, hours, service: asked.service };
    let report = in_time(server.tidegate().report(&query)).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, format.content_type()));
    Ok(response.body(report.render(format)))
}
