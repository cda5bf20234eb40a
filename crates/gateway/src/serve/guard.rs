//! What every request passes and every answer carries, whatever it is about.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, ResponseError};

use crate::serve::host::Hosts;
use crate::serve::page;
use crate::serve::problem::Problem;

/// What differs from one listener to the other.
#[derive(Debug)]
pub(super) struct Door {
    /// The names that it answers to.
    pub(super) hosts: Hosts,
    /// Whether it takes changes.
    pub(super) changes: bool,
}

/// Marks an answer that is the page, which may do more than others.
#[derive(Debug, Clone, Copy)]
pub(super) struct IsPage;

const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Refuses names that are not ours, and puts headers on every answer.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let refused = request.app_data::<Data<Door>>().and_then(|door| misdirected(door, &request));
    let mut response = match refused {
        Some(problem) => request.into_response(problem.error_response()).map_into_right_body(),
        None => match next.call(request).await {
            Ok(response) => response.map_into_left_body(),
            Err(error) => return Err(error),
        },
    };
    let is_page = response.response().extensions().contains::<IsPage>();
    put(response.headers_mut(), is_page);
    Ok(response)
}

fn misdirected(door: &Door, request: &ServiceRequest) -> Option<Problem> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // A request without a name comes from no browser; HTTP/1.1 demands one all the same.
    if host.is_some_and(|host| door.hosts.answers(host)) {
        return None;
    }
    let shown: String = host.unwrap_or_default().chars().take(80).collect();
    let detail = format!(
        "`{}` is no name of this server: it listens for this machine only and answers to `localhost`, \
         addresses of this machine and the name given with `--listen`",
        shown.escape_debug()
    );
    Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
}

fn put(headers: &mut HeaderMap, is_page: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = if is_page { &page::PAGE_POLICY } else { page::POLICY };
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}
