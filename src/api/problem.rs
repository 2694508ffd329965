//! Errors as RFC 9457 problem details: a stable `code` for programs, a sentence for people, a request id for the log.
//!
//! Invariants: every answer of 400 and above that this service makes is one of [`Code`]; a cause that is not the
//! caller's business is logged under the request id and never sent. Left out on purpose: translations of the sentences
//! (the pages translate by `code`).

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::Instrument;
use utoipa::{IntoResponses, ToSchema};

use crate::model::Mistake;
use crate::registry::WrongField;

/// The media type of every error.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The header that carries the request id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $title:literal, $meaning:literal;)*) => {
        /// What can go wrong, as a closed list. The word is part of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable word.
            pub fn word(self) -> &'static str {
                match self { $(Code::$variant => $word,)* }
            }

            /// The HTTP status it is sent with.
            pub fn status(self) -> StatusCode {
                match self { $(Code::$variant => StatusCode::$status,)* }
            }

            /// A few words that are the same at every occurrence.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What it means and what to do about it.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    InvalidParameter = "invalid_parameter", BAD_REQUEST, "A parameter's value cannot be used",
        "The parameter named in `parameter` has a value that cannot be used; `detail` says what is accepted.";
    UnknownParameter = "unknown_parameter", BAD_REQUEST, "There is no such parameter",
        "The query names a parameter that this address does not have; `detail` lists the ones it has.";
    NotSupported = "not_supported", BAD_REQUEST, "This is not offered yet",
        "The parameter is part of the planned interface and this version does not answer it; leave it out.";
    NotImplemented = "not_implemented", NOT_IMPLEMENTED, "This part of the standard is not offered",
        "The standard has it and this service does not; `detail` says what it has instead.";
    InvalidBody = "invalid_body", BAD_REQUEST, "The body cannot be used",
        "The request's body is not the JSON document that this address takes; `detail` says where it went wrong.";
    InvalidDefinition = "invalid_definition", UNPROCESSABLE_ENTITY, "Fields cannot be as they are",
        "The body is JSON and says something that cannot be; `errors` names every field that is wrong.";
    InvalidRules = "invalid_rules", UNPROCESSABLE_ENTITY, "The rules cannot be as they are",
        "The rule, or the rules together with it, have mistakes; `mistakes` names every one. The rules before stay in force.";
    KeyReused = "key_reused", UNPROCESSABLE_ENTITY, "The key stood for another request",
        "`Idempotency-Key` came with another request before: a repeat must be the same, a new request needs a new key.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "Sign in first",
        "No token or session came with the request, or it is unknown, withdrawn or expired. Sign in at /api/v1/session.";
    WrongCredentials = "wrong_credentials", UNAUTHORIZED, "Name or password is wrong",
        "The name and the password do not belong together, or the account is disabled.";
    Forbidden = "forbidden", FORBIDDEN, "Not allowed",
        "The caller is known and its role does not include this.";
    CrossSite = "cross_site", FORBIDDEN, "Requests from other sites are refused",
        "A change was asked for with the session cookie (or without signing in, in the demo) by a page of another origin.";
    NotFound = "not_found", NOT_FOUND, "There is nothing here",
        "The address or the thing it names does not exist, or lies outside the caller's areas.";
    AlreadyExists = "already_exists", CONFLICT, "It is there already",
        "Something of that name exists; change it instead, or take another name.";
    DeclaredInFiles = "declared_in_files", CONFLICT, "The files declare it",
        "The station stands in the province's files, which are the truth for the stations that they name: change it there.";
    Conflict = "conflict", CONFLICT, "Not as things stand",
        "What was asked for does not fit what is there; `detail` says why.";
    ChangedSince = "changed_since", PRECONDITION_FAILED, "It was changed meanwhile",
        "`If-Match` names another revision than the present one, or `If-None-Match: *` came for something that exists: read it again.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "Not with this method",
        "The address exists and does not take this method; the `Allow` header lists the ones it takes.";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The body did not arrive in time",
        "The request's body came too slowly.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The request's body is larger than this address takes.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON",
        "The request's body must be declared as application/json.";
    UnsupportedEncoding = "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed",
        "This address takes the body as it is: leave `Content-Encoding` out.";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests",
        "This source pushes more messages than it may; wait as long as `Retry-After` says and send the same again.";
    TooManyAttempts = "too_many_attempts", TOO_MANY_REQUESTS, "Too many attempts",
        "Too many failed sign-ins for this account or from this address; wait as long as `Retry-After` says.";
    TooManyReaders = "too_many_readers", TOO_MANY_REQUESTS, "Too many open streams",
        "The limit of open streams, of the service or of this address, is reached; try again later or poll the layers.";
    TooCostly = "too_costly", UNPROCESSABLE_ENTITY, "That would read too much at once",
        "The question about the past would read or make more than one question may; `detail` says how to narrow it.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong here",
        "A fault of the service. Its log has the cause under the request id.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available now",
        "A part that is needed for the answer is not running; `/readyz` says which.";
}

/// An error on its way to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    parameter: Option<String>,
    retry_after_seconds: Option<u64>,
    /// What only some errors say; apart, because an error is handed through many hands.
    more: Option<Box<More>>,
    /// For the log only.
    cause: Option<String>,
}

/// What only some errors say.
#[derive(Clone, Debug, Default)]
struct More {
    errors: Vec<WrongField>,
    mistakes: Vec<Mistake>,
    present: Option<serde_json::Value>,
    is_odata: bool,
}

/// Problem details (RFC 9457), sent as `application/problem+json`.
#[derive(Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Where the code is explained, relative to this service.
    #[serde(rename = "type")]
    #[schema(example = "/problems#invalid_parameter")]
    about: String,
    /// The same words for every occurrence of the code.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// The stable word for programs; `GET /problems` lists and explains them all.
    #[schema(value_type = String, example = "invalid_parameter")]
    code: &'static str,
    /// What was wrong this time and what to do about it.
    detail: String,
    /// The query parameter or body member that is meant, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// Every field of the body that is wrong, when the code is `invalid_definition`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Every mistake in the text, when the code is `invalid_rules`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mistakes: Vec<TextMistake>,
    /// What was to be changed, as it is, when the code is `changed_since` and it is an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    present: Option<serde_json::Value>,
    /// The same as OData and SensorThings have it; under `/sta` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ODataError>,
    /// The request's number; the service's log has it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5f1c9a0e77d2b3a4")]
    request_id: Option<String>,
}

/// An error as OData 4 (JSON format, clause 19) has it.
#[derive(Clone, Serialize, ToSchema)]
pub struct ODataError {
    /// The stable word.
    #[schema(value_type = String, example = "invalid_parameter")]
    code: &'static str,
    /// What was wrong this time and what to do about it.
    message: String,
}

/// A field of a body that is wrong.
#[derive(Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// Its path.
    #[schema(example = "channels.pm10.min")]
    field: String,
    /// What is wrong and what would be right.
    message: String,
}

/// A mistake in a text.
#[derive(Clone, Serialize, ToSchema)]
pub struct TextMistake {
    /// The file, or `api/NAME` for a rule that was made here.
    #[schema(example = "api/smoke-at-night")]
    file: String,
    /// Counted from 1; 0 when the text as a whole is meant. Of a rule sent as JSON: in `toml` of its answer.
    #[schema(example = 7)]
    line: usize,
    /// The key's path.
    #[schema(example = "rule[0].levels[0].clear")]
    key: String,
    /// What is wrong and what would be right.
    message: String,
}

impl Problem {
    /// Every mistake in rules that are refused.
    pub fn mistakes(mistakes: Vec<Mistake>) -> Self {
        let told: Vec<String> = mistakes.iter().take(3).map(ToString::to_string).collect();
        let mut problem = Self::new(Code::InvalidRules, told.join("; "));
        problem.more = Some(Box::new(More { mistakes, ..More::default() }));
        problem
    }

    /// The same, with what was to be changed as it is.
    #[must_use]
    pub fn with_present(mut self, present: impl Serialize) -> Self {
        let present = serde_json::to_value(present).ok();
        self.more = Some(Box::new(More { present, ..More::default() }));
        self
    }

    /// The same, told as OData clients expect it, too.
    #[must_use]
    pub fn as_odata(mut self) -> Self {
        self.more.get_or_insert_default().is_odata = true;
        self
    }

    /// Every field of a body that is wrong.
    pub fn fields(errors: Vec<WrongField>) -> Self {
        let told = errors.iter().take(3).map(|wrong| format!("{}: {}", wrong.field, wrong.message));
        let mut problem = Self::new(Code::InvalidDefinition, told.collect::<Vec<_>>().join("; "));
        problem.parameter = errors.first().map(|wrong| wrong.field.clone()).filter(|field| !field.is_empty());
        problem.more = Some(Box::new(More { errors, ..More::default() }));
        problem
    }

    /// An error with what to tell the caller.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), parameter: None, retry_after_seconds: None, more: None, cause: None }
    }

    /// A value of the query parameter `name` that cannot be used; `why` continues the sentence.
    pub fn parameter(name: &str, why: impl AsRef<str>) -> Self {
        let mut problem = Self::new(Code::InvalidParameter, format!("{name}: {}", why.as_ref()));
        problem.parameter = Some(name.to_owned());
        problem
    }

    /// A query parameter of the planned interface that this version does not answer.
    pub fn not_supported(name: &str, instead: &str) -> Self {
        let mut problem = Self::new(Code::NotSupported, format!("{name}: {instead}"));
        problem.parameter = Some(name.to_owned());
        problem
    }

    /// Nothing of that name that the caller may see.
    pub fn not_found(what: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no {what} {name:?}"))
    }

    /// A fault of ours: the cause goes to the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(Code::Internal, "the service's log has the cause under this request id");
        problem.cause = Some(cause.to_string());
        problem
    }

    /// How long to wait before the next try, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// What was wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.code
    }

    fn document(&self, request_id: Option<String>) -> ProblemDocument {
        let more = self.more.as_deref().cloned().unwrap_or_default();
        ProblemDocument {
            about: format!("/problems#{}", self.code.word()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.word(),
            detail: self.detail.clone(),
            parameter: self.parameter.clone(),
            errors: more.errors.iter().map(field_error).collect(),
            mistakes: more.mistakes.iter().map(text_mistake).collect(),
            present: more.present,
            error: more.is_odata.then(|| ODataError { code: self.code.word(), message: self.detail.clone() }),
            request_id,
        }
    }

    fn respond(&self, request_id: Option<String>) -> Response {
        let mut response = (self.code.status(), Json(self.document(request_id))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"saola\""));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn field_error(wrong: &WrongField) -> FieldError {
    FieldError { field: wrong.field.clone(), message: wrong.message.clone() }
}

fn text_mistake(mistake: &Mistake) -> TextMistake {
    let Mistake { file, line, key, message } = mistake.clone();
    TextMistake { file, line, key, message }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives each request a number, writes it into problem documents and logs the cause of ours under it.
pub async fn number_requests(request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let span = tracing::debug_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(cause) = &problem.cause {
            tracing::error!(request.id = %id, cause = %cause, "a request failed");
        }
        let kept = std::mem::take(response.headers_mut());
        let mut numbered = problem.respond(Some(id.clone()));
        for (name, value) in &kept {
            if name != CONTENT_LENGTH && !numbered.headers().contains_key(name) {
                numbered.headers_mut().append(name, value.clone());
            }
        }
        response = numbered;
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What every address behind the door may answer, for the API description.
#[derive(IntoResponses)]
pub enum Refused {
    /// A parameter cannot be used.
    #[response(status = 400, content_type = "application/problem+json")]
    Unusable(ProblemDocument),
    /// Not signed in, or no longer.
    #[response(status = 401, content_type = "application/problem+json")]
    Unknown(ProblemDocument),
    /// The caller's role does not include this.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(ProblemDocument),
}

/// What an address that names one thing may answer besides.
#[derive(IntoResponses)]
pub enum Missing {
    /// There is no such thing in the caller's areas.
    #[response(status = 404, content_type = "application/problem+json")]
    Nowhere(ProblemDocument),
}

/// What an address that reads the past may answer besides.
#[derive(IntoResponses)]
pub enum Costly {
    /// The answer would cost too much; the code is `too_costly` and `detail` says how to narrow the question.
    #[response(status = 422, content_type = "application/problem+json")]
    TooMuch(ProblemDocument),
}

/// What an address that changes a station may answer besides.
#[derive(IntoResponses)]
pub enum Unchanged {
    /// The files declare it, it is there already, or it does not fit what is there.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// `If-Match` names another revision than the present one.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(ProblemDocument),
    /// Fields are wrong; `errors` names all of them.
    #[response(status = 422, content_type = "application/problem+json")]
    Wrong(ProblemDocument),
    /// The journal does not write: the change is kept and will be in force after a restart.
    #[response(status = 503, content_type = "application/problem+json")]
    Stopped(ProblemDocument),
}

/// What an address that takes a body may answer besides.
#[derive(IntoResponses)]
pub enum BadBody {
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(ProblemDocument),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    Large(ProblemDocument),
    /// The body is not declared as JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    Foreign(ProblemDocument),
}

/// One code with its meaning.
#[derive(Serialize, ToSchema)]
pub struct ProblemKind {
    /// The stable word.
    #[schema(value_type = String, example = "unknown_parameter")]
    code: &'static str,
    /// The HTTP status it is sent with.
    #[schema(example = 400)]
    status: u16,
    /// The same words for every occurrence.
    #[schema(value_type = String)]
    title: &'static str,
    /// What it means and what to do about it.
    #[schema(value_type = String)]
    meaning: &'static str,
}

/// Every error code with its meaning: what the `type` of a problem document points at.
#[utoipa::path(get, path = "/problems", operation_id = "listProblems", tag = "service", security(()),
    responses((status = 200, description = "All codes", body = Vec<ProblemKind>)))]
pub async fn list() -> Json<Vec<ProblemKind>> {
    Json(
        Code::ALL
            .iter()
            .map(|code| ProblemKind {
                code: code.word(),
                status: code.status().as_u16(),
                title: code.title(),
                meaning: code.meaning(),
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart_and_are_errors() {
        for (place, code) in Code::ALL.iter().enumerate() {
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(Code::ALL[..place].iter().all(|other| other.word() != code.word()));
        }
    }

    #[test]
    fn the_cause_is_not_sent() {
        let problem = Problem::internal("secret path");
        let text = serde_json::to_string(&problem.document(Some("1".into()))).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("\"request_id\":\"1\""), "{text}");
    }
}
