//! Which paths there are, and what is done at each.

mod changes;
mod events;
mod explain;
mod logging;
mod report;
mod seed;
mod shown;

use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource, Route, guard};
use serde::Serialize;

use crate::serve::guard::Door;
use crate::serve::problem::Problem;
use crate::serve::state::Server;

/// All routes.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD", [get().to(shown::page)]))
        .service(resource("/healthz", "GET, HEAD", [get().to(shown::health)]))
        .service(resource("/metrics", "GET, HEAD", [get().to(shown::metrics)]))
        .service(resource("/api/v1/status", "GET, HEAD", [get().to(shown::status)]))
        .service(resource("/api/v1/series", "GET, HEAD", [get().to(shown::series)]))
        .service(resource("/api/v1/report", "GET, HEAD", [get().to(report::report)]))
        .service(resource("/api/v1/events", "GET", [web::get().to(events::events)]))
        .service(resource(
            "/api/v1/services/{name}",
            "GET, HEAD, PATCH",
            [get().to(shown::service), web::patch().to(changes::relimit)],
        ))
        .service(resource(
            "/api/v1/services/{name}/reset",
            "POST",
            [web::post().to(changes::reset)],
        ))
        .service(resource(
            "/api/v1/services/{name}/explain",
            "POST",
            [web::post().to(explain::explain)],
        ))
        .service(resource(
            "/api/v1/services/{name}/waiting",
            "GET, HEAD",
            [get().to(explain::waiting)],
        ))
        .service(resource(
            "/api/v1/log",
            "GET, HEAD, PUT",
            [get().to(logging::shown), web::put().to(logging::change)],
        ))
        .service(resource(
            "/api/system/rate-limiting/status",
            "GET, HEAD",
            [get().to(seed::status)],
        ))
        .service(resource(
            "/api/system/rate-limiting/configure",
            "POST",
            [web::post().to(seed::configure)],
        ));
}

/// A path, what is done there, and what its other methods are told.
fn resource<const N: usize>(path: &str, allow: &'static str, routes: [Route; N]) -> Resource {
    let resource = routes.into_iter().fold(web::resource(path), Resource::route);
    resource.default_service(web::to(move || async move {
        let detail = format!("this path takes {allow}");
        Err::<HttpResponse, _>(
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(header::ALLOW, allow),
        )
    }))
}

/// Reading, or only asking what reading would say.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Method(Method::HEAD)))
}

/// What is said of a path that there is not.
pub(super) async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let path: String = request.path().chars().take(80).collect();
    let detail =
        format!("there is nothing at `{}`: see `/` and `/api/v1/status`", path.escape_debug());
    Err(Problem::not_found(detail))
}

/// An answer in JSON.
fn json(value: &impl Serialize) -> Result<HttpResponse, Problem> {
    let failed = |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}"));
    let text = serde_json::to_string(value).map_err(failed)?;
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).body(text))
}

/// Whether this request may change something: it comes through the right door and brings the token.
fn authorised(request: &HttpRequest, server: &Server) -> Result<(), Problem> {
    let door = request.app_data::<Data<Door>>();
    if door.is_some_and(|door| !door.changes) {
        let detail = "changes are taken at the address that was given with `--admin` only";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if server.token().allows(given) {
        return Ok(());
    }
    let detail = "a change needs the token of this server: `Authorization: Bearer TOKEN`";
    Err(Problem::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer"))
}
