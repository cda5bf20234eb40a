//! What is answered when something is wrong: a problem document (RFC 9457).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use tidegate::AcquireError;

/// A request that is not done as asked.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    /// The code of a refusal.
    code: Option<String>,
    header: Option<(HeaderName, &'static str)>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
}

impl Problem {
    /// A problem with this status, and what is wrong in words.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), code: None, header: None }
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The same with a header.
    pub(super) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The same with the code of a refusal.
    pub(super) fn coded(mut self, code: impl fmt::Display) -> Self {
        self.code = Some(code.to_string());
        self
    }
}

impl From<AcquireError> for Problem {
    /// What the limiters refuse when they are asked about themselves: they do not answer, or the question
    /// was wrong.
    fn from(error: AcquireError) -> Self {
        let code = error.code();
        let problem = match &error {
            AcquireError::InvalidKey { .. } => Self::unprocessable(error.to_string()),
            _ => Self::unavailable(error.to_string()),
        };
        problem.coded(code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let kind = match &self.code {
            Some(code) => format!("tidegate:code:{code}"),
            None => "about:blank".to_owned(),
        };
        let document = Document {
            r#type: &kind,
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code.as_deref(),
        };
        let mut response = HttpResponse::build(self.status);
        if let Some((name, value)) = &self.header {
            response.insert_header((name.clone(), *value));
        }
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.body(serde_json::to_string(&document).unwrap_or_default())
    }
}
