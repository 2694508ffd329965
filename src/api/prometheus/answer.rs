//! Answers and errors in Prometheus's shape.

use std::fmt::Write as _;

use axum::Json;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoResponses, ToSchema};

use crate::api::problem::{Problem, ProblemDocument};
use crate::model::Timestamp;
use crate::promql::{Answer, Instants, Line, PromqlError};

/// Points of one answer: about 30 bytes each.
const POINTS_MAX: usize = 1_000_000;

/// An answer.
#[derive(Serialize, ToSchema)]
pub struct Success {
    /// Always `success`.
    #[schema(value_type = String, example = "success")]
    status: &'static str,
    /// As Prometheus's interface has it for this address.
    #[schema(value_type = Object)]
    data: Value,
}

/// An error, as Prometheus words it.
#[derive(Serialize, ToSchema)]
pub struct Refusal {
    /// Always `error`.
    #[schema(value_type = String, example = "error")]
    status: &'static str,
    /// bad_data, execution, canceled or internal.
    #[serde(rename = "errorType")]
    #[schema(value_type = String, example = "bad_data")]
    kind: &'static str,
    /// What was wrong and what to do about it.
    error: String,
}

/// What these addresses may answer besides.
#[derive(IntoResponses)]
pub enum Failed {
    /// The query or a parameter cannot be read, or is not answered here.
    #[response(status = 400)]
    Unreadable(Refusal),
    /// Not signed in, or no longer.
    #[response(status = 401, content_type = "application/problem+json")]
    Unknown(ProblemDocument),
    /// The caller's role does not include this.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(ProblemDocument),
    /// The form did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(ProblemDocument),
    /// The form is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    Large(ProblemDocument),
    /// The body is no form.
    #[response(status = 415, content_type = "application/problem+json")]
    Foreign(ProblemDocument),
    /// It would cost too much, or its series do not fit each other.
    #[response(status = 422)]
    TooMuch(Refusal),
}

/// Why there is no answer.
pub enum Unanswered {
    /// For the query.
    Query(PromqlError),
    /// For the request.
    Request(Problem),
}

impl Unanswered {
    /// A fault of ours.
    pub(super) fn internal(cause: impl std::fmt::Display) -> Self {
        Unanswered::Request(Problem::internal(cause))
    }
}

impl From<PromqlError> for Unanswered {
    fn from(error: PromqlError) -> Self {
        match error {
            PromqlError::Store(error) => Unanswered::internal(error),
            error => Unanswered::Query(error),
        }
    }
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Unanswered::Request(problem)
    }
}

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let error = match self {
            Unanswered::Request(problem) => return problem.into_response(),
            Unanswered::Query(error) => error,
        };
        let status = match &error {
            PromqlError::BadData(_) => StatusCode::BAD_REQUEST,
            PromqlError::Execution(_) => StatusCode::UNPROCESSABLE_ENTITY,
            PromqlError::GivenUp | PromqlError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(Refusal { status: "error", kind: error.kind(), error: error.to_string() })).into_response()
    }
}

/// An answer with its data.
pub(super) fn success(data: Value) -> Response {
    Json(Success { status: "success", data }).into_response()
}

/// A value as Prometheus writes it.
fn text(value: f64) -> String {
    match value {
        value if value == f64::INFINITY => "+Inf".to_owned(),
        value if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

/// At one instant.
pub(super) fn at_one(answer: Answer, at: Timestamp) -> Response {
    let at = seconds(at);
    let data = match answer {
        Answer::Scalar(values) => {
            let value = text(values.first().copied().unwrap_or(f64::NAN));
            json!({"resultType": "scalar", "result": [at, value]})
        }
        Answer::Text(text) => json!({"resultType": "string", "result": [at, text]}),
        Answer::Vector(lines) => {
            let of_line = |line: &Line| {
                let value = line.values.first().copied().flatten()?;
                Some(json!({"metric": line.labels, "value": [at, text(value)]}))
            };
            json!({"resultType": "vector", "result": lines.iter().filter_map(of_line).collect::<Vec<_>>()})
        }
        Answer::Samples(series) => {
            let of_series = series.iter().map(|(labels, points)| {
                let values: Vec<Value> =
                    points.iter().map(|point| json!([seconds(point.at), text(point.value)])).collect();
                json!({"metric": labels, "values": values})
            });
            json!({"resultType": "matrix", "result": of_series.collect::<Vec<_>>()})
        }
    };
    success(data)
}

/// At many instants; written as text at once, as there may be many.
pub(super) fn at_many(answer: Answer, instants: &Instants) -> Result<Response, PromqlError> {
    let lines = match answer {
        Answer::Vector(lines) => lines,
        Answer::Scalar(values) => {
            vec![Line { labels: crate::promql::Labels::default(), values: values.into_iter().map(Some).collect() }]
        }
        Answer::Text(_) | Answer::Samples(_) => {
            let why = "a query over a range of time comes to numbers or series";
            return Err(PromqlError::BadData(why.to_owned()));
        }
    };
    let points = lines.iter().flat_map(|line| &line.values).filter(|value| value.is_some()).count();
    if points > POINTS_MAX {
        let why = format!(
            "that makes {points} points, and one answer holds {POINTS_MAX}: select fewer series, or a longer `step`"
        );
        return Err(PromqlError::Execution(why));
    }
    let mut body = String::with_capacity(points * 32 + 128);
    body.push_str("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[");
    for (place, line) in lines.iter().enumerate() {
        let labels = serde_json::to_string(&line.labels).unwrap_or_else(|_| "{}".to_owned());
        // Writing to a text cannot fail.
        let _ = write!(body, "{}{{\"metric\":{labels},\"values\":[", if place > 0 { "," } else { "" });
        let mut is_first = true;
        for (at, value) in instants.iter().zip(&line.values) {
            let Some(value) = value else { continue };
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            let _ = write!(body, "{comma}[{},\"{}\"]", seconds(at), text(*value));
        }
        body.push_str("]}");
    }
    body.push_str("]}}");
    let mut response = body.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
