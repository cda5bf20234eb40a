//! Why a call waits, or what would become of one.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use tidegate::{Cost, Explanation, Handle, PermitRequest, Priority};

use crate::serve::body;
use crate::serve::problem::Problem;
use crate::serve::routes::json;
use crate::serve::state::{Server, in_time};

type Answer = Result<HttpResponse, Problem>;

/// How many are explained unless it is said.
const MOST: usize = 20;
/// The most that are.
const MOST_MAX: usize = 1_000;

/// A call that is asked about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default = "one")]
    requests: u64,
    tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    bytes: Option<u64>,
    model: Option<String>,
    endpoint: Option<String>,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    #[serde(default)]
    priority: Priority,
    within_ms: Option<u64>,
}

const fn one() -> u64 {
    1
}

impl Asked {
    fn request<'h>(&self, handle: &'h Handle) -> PermitRequest<'h> {
        let mut request = handle.request().cost(self.cost()).priority(self.priority);
        if let Some(model) = &self.model {
            request = request.model(model);
        }
        if let Some(endpoint) = &self.endpoint {
            request = request.endpoint(endpoint);
        }
        for (name, value) in &self.keys {
            request = request.key(name, value);
        }
        match self.within_ms {
            Some(within) => request.within(Duration::from_millis(within)),
            None => request,
        }
    }

    fn cost(&self) -> Cost {
        let mut cost = Cost::request().requests(self.requests);
        if let Some(tokens) = self.tokens {
            cost = cost.tokens(tokens);
        }
        if let Some(tokens) = self.input_tokens {
            cost = cost.input_tokens(tokens);
        }
        if let Some(tokens) = self.output_tokens {
            cost = cost.output_tokens(tokens);
        }
        match self.bytes {
            Some(bytes) => cost.bytes(bytes),
            None => cost,
        }
    }
}

/// An explanation with its sentence.
#[derive(Serialize)]
struct Explained {
    schema: &'static str,
    text: String,
    explanation: Explanation,
}

impl From<Explanation> for Explained {
    fn from(explanation: Explanation) -> Self {
        Self { schema: "tidegate.explanation/1", text: explanation.to_string(), explanation }
    }
}

pub(super) async fn explain(
    server: Data<Server>,
    name: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> Answer {
    let handle = server.service(&name)?;
    let asked: Asked = body::json(&request, payload).await?;
    let explanation = in_time(handle.explain(&asked.request(&handle))).await?;
    json(&Explained::from(explanation))
}

#[derive(Debug, Deserialize)]
struct Most {
    most: Option<usize>,
}

pub(super) async fn waiting(
    server: Data<Server>,
    name: Path<String>,
    request: HttpRequest,
) -> Answer {
    let handle = server.service(&name)?;
    let query = Query::<Most>::from_query(request.query_string())
        .map_err(|error| Problem::bad_request(format!("the query: {error}")))?;
    let most = query.most.unwrap_or(MOST);
    if !(1..=MOST_MAX).contains(&most) {
        return Err(Problem::bad_request(format!("most={most}: use 1 to {MOST_MAX}")));
    }
    let waiting = in_time(handle.explain_waiting(most)).await?;
    json(&waiting.into_iter().map(Explained::from).collect::<Vec<_>>())
}
