//! Reading the body of a request: JSON, of a bounded length, within a bounded time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use serde::de::DeserializeOwned;

use crate::serve::problem::Problem;

/// The longest body.
pub(super) const BYTES_MAX: usize = 64 * 1_024;
/// How long a client may take to send it.
const WITHIN: Duration = Duration::from_secs(10);

/// What stands in the body.
///
/// # Errors
///
/// 415 unless it says that it is JSON, 413 when it is too long, 408 when it does not come, 400 when it is not
/// what was expected.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim).unwrap_or_default();
    if !kind.eq_ignore_ascii_case("application/json") {
        let detail =
            "the body is expected to be `application/json`, and to say so in `Content-Type`";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let late = |_| {
        let detail = format!("the body did not come within {} s", WITHIN.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    };
    let bytes = tokio::time::timeout(WITHIN, read(payload)).await.map_err(late)??;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("the body: {error}")))
}

async fn read(payload: Payload) -> Result<Bytes, Problem> {
    let too_long = |_| {
        let detail = format!("a body of more than {BYTES_MAX} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let bytes = payload.to_bytes_limited(BYTES_MAX).await.map_err(too_long)?;
    bytes.map_err(|error| Problem::bad_request(format!("the body: {error}")))
}
