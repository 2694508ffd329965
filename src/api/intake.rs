//! `POST /intake/{source}`: what LoRaWAN servers, context brokers and gateways push. One body is one message of a
//! declared source, decoded and mapped by its section.
//!
//! Invariants: a 2xx is sent when the message is in the journal, on disk. A message that cannot be read is no fault of
//! the request: it is kept whole as a dead letter and answered 200 with the counts, because a sender that got an error
//! would offer it for ever. An error means that nothing was kept, and that the same request may be sent again.
//! A source has a token of its own, which opens this address and nothing else; accounts' tokens do not open it.
//! Memory is bounded by the requests that may wait times the largest body.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use utoipa::{IntoParams, ToSchema};

use super::dead_letters::RejectionEntry;
use super::door::Anyone;
use super::problem::{Code, Problem, ProblemDocument};
use super::query::{Asked, FromParams, Id, Params};
use crate::model::{Refusal, Rejection, Seq, SourceId, Timestamp};

/// Header for senders that cannot set `Authorization`.
const TOKEN_HEADER: &str = "x-saola-token";
/// The topic of a request that names none.
const TOPIC: &str = "message";
/// Longest topic, bytes.
const TOPIC_BYTES_MAX: usize = 1_024;
/// Refusals that an answer tells one by one.
const TOLD_MAX: usize = 20;
/// When to come again: a full journal empties within moments, a stopped one needs a person.
const RETRY_FULL_S: u64 = 1;
const RETRY_STOPPED_S: u64 = 30;

/// A message as it was pushed.
pub struct Pushed {
    /// The declared source.
    pub source: SourceId,
    /// As an MQTT topic.
    pub topic: String,
    /// The body.
    pub payload: Bytes,
    /// Now.
    pub received_at: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its number in the journal, where it is durable.
    pub seq: Seq,
    /// Readings found in it.
    pub received: u32,
    /// Readings known already.
    pub duplicates: u32,
    /// Readings taken.
    pub stored: u32,
    /// Readings refused.
    pub rejections: Vec<Rejection>,
}

/// Taking a message: resolves when it is durable.
pub type Taking = Pin<Box<dyn Future<Output = Result<Taken, Refusal>> + Send>>;

/// The sources that take requests.
pub struct Hooks {
    by_name: HashMap<String, Hook>,
    body_bytes_max: usize,
    waiting: Semaphore,
    /// Most that wait of one source: one that sends slowly leaves room for the others.
    waiting_each: usize,
    take: Box<dyn Fn(Pushed) -> Taking + Send + Sync>,
}

struct Hook {
    source: SourceId,
    token_sha256: [u8; 32],
    pace: Mutex<Pace>,
    waiting: Semaphore,
}

/// A quarter of all, rounded up.
fn waiting_each(all: usize) -> usize {
    all.div_ceil(4)
}

impl Hooks {
    /// No source yet. `take` hands a message to the pipeline.
    pub fn new(limits: &crate::intake::Config, take: Box<dyn Fn(Pushed) -> Taking + Send + Sync>) -> Hooks {
        let waiting = Semaphore::new(limits.requests_waiting_max);
        let waiting_each = waiting_each(limits.requests_waiting_max);
        Hooks { by_name: HashMap::new(), body_bytes_max: limits.request_bytes_max, waiting, waiting_each, take }
    }

    /// Adds a source, which may push `per_second` messages on average. `token_sha256` is 64 hexadecimal digits; with
    /// anything else no token opens it.
    pub fn add(&mut self, name: &str, source: SourceId, token_sha256: &str, per_second: u32) {
        let digits: Option<Vec<u8>> = (0..token_sha256.len() / 2)
            .map(|at| token_sha256.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        let Some(token_sha256) = digits.and_then(|bytes| bytes.try_into().ok()) else { return };
        let (pace, waiting) = (Mutex::new(Pace::new(per_second)), Semaphore::new(self.waiting_each));
        self.by_name.insert(name.to_owned(), Hook { source, token_sha256, pace, waiting });
    }
}

/// A bucket of requests that fills with time: so many a second, twice as many at once.
struct Pace {
    per_second: f64,
    left: f64,
    filled_at: Option<Timestamp>,
}

impl Pace {
    fn new(per_second: u32) -> Pace {
        let per_second = f64::from(per_second);
        Pace { per_second, left: 2.0 * per_second, filled_at: None }
    }

    /// Takes one; else, in how many seconds there is one again.
    fn take(&mut self, now: Timestamp) -> Result<(), u64> {
        let passed = self.filled_at.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.filled_at = Some(now);
        self.left = (self.left + passed * self.per_second).min(2.0 * self.per_second);
        if self.left < 1.0 {
            return Err(((1.0 - self.left) / self.per_second).ceil() as u64);
        }
        self.left -= 1.0;
        Ok(())
    }
}

/// What `/intake/{source}` takes besides the body.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IntakeAsked {
    /// The message's topic, for sources whose `topic` keeps levels of it. `message` when absent.
    #[param(value_type = Option<String>, example = "plant/hall-1")]
    topic: Option<String>,
    /// The kind of event, as ChirpStack's HTTP integration sends it; becomes the topic's end, `event/up`.
    #[param(value_type = Option<String>, example = "up")]
    event: Option<String>,
}

impl FromParams for IntakeAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let text = |text: &str| {
            let is_topic = text.len() <= TOPIC_BYTES_MAX && !text.contains(['\0', '+', '#']);
            let wrong = || format!("it has at most {TOPIC_BYTES_MAX} bytes and no NUL, + or #");
            is_topic.then(|| text.to_owned()).ok_or_else(wrong)
        };
        Ok(Self { topic: params.one("topic", text)?, event: params.one("event", text)? })
    }
}

impl IntakeAsked {
    fn topic(self) -> String {
        match (self.topic, self.event) {
            (Some(topic), Some(event)) => format!("{topic}/event/{event}"),
            (None, Some(event)) => format!("event/{event}"),
            (topic, None) => topic.unwrap_or_else(|| TOPIC.to_owned()),
        }
    }
}

/// What became of a pushed message.
#[derive(Serialize, ToSchema)]
pub struct IntakeReport {
    /// Readings found; a message that cannot be read counts as one.
    #[schema(example = 3)]
    received: u32,
    /// Readings taken.
    #[schema(example = 2)]
    stored: u32,
    /// Readings known already with the same time and value.
    #[schema(example = 0)]
    duplicate: u32,
    /// Readings refused; the message is then kept whole as a dead letter.
    #[schema(example = 1)]
    rejected: u32,
    /// The first 20 refusals.
    rejections: Vec<RejectionEntry>,
    /// The message's number in the journal, which is its dead letter's too.
    #[schema(example = "51020")]
    journaled_as: String,
}

/// Takes one message of a source that is declared with `from = ["http"]`.
///
/// The source's own token is sent as `Authorization: Bearer ...` or as `X-Saola-Token`. 200 means that the message is on
/// disk, also when nothing of it could be read: then it is a dead letter. Any other answer means that nothing was kept.
#[utoipa::path(post, path = "/api/v1/intake/{source}", operation_id = "pushMessage", tag = "intake",
    params(("source" = String, Path, description = "The source's name", example = "chirpstack"), IntakeAsked),
    request_body(content = Vec<u8>, description = "The message, in the source's format", content_type = "application/octet-stream"),
    security(("source" = [])),
    responses((status = 200, description = "It is on disk", body = IntakeReport),
        (status = 401, description = "Not the source's token", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "No source of that name takes requests", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "The body is compressed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests of this source; `Retry-After` says when", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Nothing is taken in at present; `Retry-After` says when to try again", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn push(
    anyone: Anyone,
    Id(name): Id,
    Asked(asked): Asked<IntakeAsked>,
    request: Request,
) -> Result<Json<IntakeReport>, Problem> {
    let (parts, hooks) = (anyone.parts(), &anyone.parts().hooks);
    let hook = hooks.by_name.get(&name).ok_or_else(|| Problem::not_found("source that takes requests,", &name))?;
    let is_known = token(request.headers()).is_some_and(|token| *Sha256::digest(token) == hook.token_sha256);
    if !is_known {
        return Err(Problem::new(Code::Unauthenticated, "send the source's own token"));
    }
    hook.pace.lock().take(parts.clock.now()).map_err(|seconds| {
        Problem::new(Code::TooManyRequests, "this source sends more than it may").retry_after(seconds.max(1))
    })?;
    let full = || Problem::new(Code::Unavailable, "too many requests wait for the disk").retry_after(RETRY_FULL_S);
    let _waiting_of_source = hook.waiting.try_acquire().map_err(|_| full())?;
    let _waiting = hooks.waiting.try_acquire().map_err(|_| full())?;
    let payload = body(request, hooks.body_bytes_max, parts.config.body_timeout.duration()).await?;
    let (source, topic, received_at) = (hook.source, asked.topic(), parts.clock.now());
    let taken =
        (hooks.take)(Pushed { source, topic, payload, received_at }).await.map_err(|refusal| match refusal {
            Refusal::Full => full(),
            Refusal::Stopped => {
                Problem::new(Code::Unavailable, "nothing is taken in until the service is looked after")
                    .retry_after(RETRY_STOPPED_S)
            }
        })?;
    let rejections = taken.rejections.iter();
    Ok(Json(IntakeReport {
        received: taken.received,
        stored: taken.stored,
        duplicate: taken.duplicates,
        rejected: rejections.len() as u32,
        rejections: rejections.take(TOLD_MAX).map(RejectionEntry::from).collect(),
        journaled_as: taken.seq.to_string(),
    }))
}

fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(own) = headers.get(TOKEN_HEADER) {
        return own.to_str().ok();
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn body(request: Request, bytes_max: usize, in_time: std::time::Duration) -> Result<Bytes, Problem> {
    let encoding = request.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        let encoding: String = encoding.chars().take(40).collect();
        return Err(Problem::new(Code::UnsupportedEncoding, format!("send the body as it is, not as {encoding:?}")));
    }
    let too_large = || Problem::new(Code::BodyTooLarge, format!("at most {bytes_max} bytes are taken"));
    let announced = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(in_time, to_bytes(request.into_body(), bytes_max)).await {
        Err(_) => Err(Problem::new(Code::RequestTimeout, "the body was not complete in time")),
        Ok(Err(_)) => Err(too_large()),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_source_may_send_so_many_a_second_and_twice_as_many_at_once() {
        let (mut pace, mut now) = (Pace::new(10), Timestamp::from_seconds(1_795_230_900));
        let mut at_once = |now| (0..100).take_while(|_| pace.take(now).is_ok()).count();
        assert_eq!(at_once(now), 20);
        now = now + Duration::from_millis(100);
        assert_eq!(at_once(now), 1);
        now = now + Duration::from_secs(60);
        assert_eq!(at_once(now), 20);
        assert_eq!(at_once(now - Duration::from_secs(60)), 0, "a clock that is set back gives nothing");
        assert_eq!(Pace { per_second: 0.25, left: 0.0, filled_at: None }.take(now), Err(4));
    }

    #[test]
    fn one_source_takes_a_quarter_of_what_may_wait() {
        let check = |all: usize, expected: usize| {
            let limits = crate::intake::Config { requests_waiting_max: all, ..Default::default() };
            let mut hooks = Hooks::new(&limits, Box::new(|_| Box::pin(async { Err(Refusal::Full) })));
            for (number, name) in ["slow", "quick"].into_iter().enumerate() {
                hooks.add(name, SourceId(number as u16), &"0".repeat(64), 1);
            }
            let [slow, quick] = ["slow", "quick"].map(|name| &hooks.by_name[name].waiting);
            let taken: Vec<_> = std::iter::from_fn(|| slow.try_acquire().ok()).collect();
            assert_eq!((taken.len(), quick.available_permits()), (expected, expected), "of {all}");
        };
        check(1_000, 250);
        check(5, 2);
        check(1, 1);
    }

    #[test]
    fn the_topic_says_what_the_query_does() {
        let check = |topic: Option<&str>, event: Option<&str>, expected: &str| {
            let asked = IntakeAsked { topic: topic.map(str::to_owned), event: event.map(str::to_owned) };
            assert_eq!(asked.topic(), expected);
        };
        check(None, None, "message");
        check(Some("plant/số 1"), None, "plant/số 1");
        check(None, Some("up"), "event/up");
        check(Some("application/a/device/d"), Some("up"), "application/a/device/d/event/up");
    }
}
