//! What is only shown.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Data, Path};
use serde::Serialize;
use serde_json::json;
use tidegate_observability::ServiceStatus;
use tidegate_observability::status::Series;

use crate::serve::guard::IsPage;
use crate::serve::page;
use crate::serve::problem::Problem;
use crate::serve::routes::json;
use crate::serve::state::{Server, in_time};

/// What Prometheus takes for its text (exposition format 0.0.4).
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

type Answer = Result<HttpResponse, Problem>;

pub(super) async fn page() -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(page::PAGE);
    response.extensions_mut().insert(IsPage);
    response
}

pub(super) async fn health(server: Data<Server>) -> Answer {
    let sample = server.sample().await?;
    let down: Vec<&str> = sample
        .services
        .iter()
        .filter(|service| !service.running)
        .map(|service| service.service.as_str())
        .collect();
    if down.is_empty() {
        return json(&json!({ "status": "ok" }));
    }
    Err(Problem::unavailable(format!("the limiter of {} does not run", down.join(", "))))
}

pub(super) async fn metrics(server: Data<Server>) -> Answer {
    let text = in_time(server.tidegate().metrics()).await?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, METRICS)).body(text))
}

pub(super) async fn status(server: Data<Server>) -> Answer {
    json(&server.status().await?)
}

pub(super) async fn series(server: Data<Server>) -> Answer {
    let names = server.tidegate().services().map(|handle| handle.name().as_str());
    let series = names.filter_map(|name| Some((name, server.tidegate().series(name)?)));
    let services: BTreeMap<&str, Series> = series.collect();
    json(&json!({ "schema": "tidegate.series/1", "services": services }))
}

pub(super) async fn service(server: Data<Server>, name: Path<String>) -> Answer {
    one(&server, &name).await
}

/// A service as it stands now.
pub(super) async fn one(server: &Server, name: &str) -> Answer {
    #[derive(Serialize)]
    struct Shown<'a> {
        schema: &'static str,
        service: &'a ServiceStatus,
        series: Series,
    }

    let handle = server.service(name)?;
    let status = server.status().await?;
    let service = status.services.iter().find(|service| service.sample.service == *handle.name());
    let Some(service) = service else {
        return Err(Problem::unavailable(format!("the limiter of `{name}` does not answer")));
    };
    let series = server.tidegate().series(name).unwrap_or_default();
    json(&Shown { schema: "tidegate.service/1", service, series })
}
