//! What happens, as it happens: server-sent events.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

use crate::serve::clients::CLIENTS_MAX;
use crate::serve::problem::Problem;
use crate::serve::pulse::status_frame;
use crate::serve::state::Server;

pub(super) async fn events(server: Data<Server>) -> Result<HttpResponse, Problem> {
    let first = status_frame(&server.status().await?);
    let Some(messages) = server.clients().join(first) else {
        let detail =
            format!("{CLIENTS_MAX} clients listen already, or the server ends: try again later");
        return Err(Problem::unavailable(detail).with(header::RETRY_AFTER, "5"));
    };
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((header::CONTENT_TYPE, "text/event-stream")).body(messages))
}
