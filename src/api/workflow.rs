//! `POST /alerts/{id}/{acknowledge,unacknowledge,assign,comment,shelve,unshelve,close}`: what people say about alerts.
//!
//! A word is journaled with its author, applied in the order of the journal, and answered when the state has it: what
//! became of it is decided there, so that two words at the same moment never lose each other. A repeat under the same
//! `Idempotency-Key` gets the answer of the first, before and after a restart. It goes on when its caller hangs up.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::Parts;
use super::alerts::tagged;
use super::body::{Body, OptionalBody, instant, line, wrong};
use super::door::{Allowed, AnswerAlerts, SettleAlerts};
use super::features::Reporter;
use super::headers;
use super::problem::{BadBody, Code, Missing, Problem, Refused};
use super::query::{Asked, Id, Nothing, word};
use super::saying::{Said, say};
use super::time::{Shown, Zone};
use crate::alerts::workflow::{Outcome, Refusal, Remembered};
use crate::model::{self, AlertCommand, AlertId, CloseCause, CommandKey, Order, Timestamp, Word};
use crate::state::State;

/// Letters of a comment, and of a note or reason.
const COMMENT_LENGTH_MAX: usize = 2_000;
const NOTE_LENGTH_MAX: usize = 500;
/// Letters of the name to which an alert is assigned.
const NAME_LENGTH_MAX: usize = 64;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 128;

/// The header by which a repeat is known.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// What may be said with an acknowledgement and its like; the body may be absent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoteAsked {
    /// For the time-line: at most 500 letters.
    note: String,
    /// When it was said, by the clock of the device, RFC 3339: kept beside the time of receipt.
    #[schema(example = "2026-11-21T08:00:00+07:00")]
    at: Option<String>,
}

/// To whom an alert goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignAsked {
    /// An account or a person: 1 to 64 letters; null: nobody's any more.
    #[schema(example = "lo-van-a")]
    to: Option<String>,
    /// For the time-line: at most 500 letters.
    #[serde(default)]
    note: String,
    /// When it was said, by the clock of the device.
    at: Option<String>,
}

/// Something to know about an alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentAsked {
    /// 1 to 2,000 letters; may have several lines.
    text: String,
    /// When it was said, by the clock of the device.
    at: Option<String>,
}

/// Nobody is to be told of an alert for a while.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShelveAsked {
    /// Until when, RFC 3339; at most `alerts.shelve_max` of the configuration from now.
    #[schema(example = "2026-11-21T17:00:00+07:00")]
    until: String,
    /// Why: 1 to 500 letters.
    reason: String,
    /// When it was said, by the clock of the device.
    at: Option<String>,
}

/// An alert is over, or is none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseAsked {
    /// resolved, false_alarm, test, duplicate, other.
    #[schema(example = "false_alarm")]
    cause: String,
    /// At most 500 letters; compulsory when the cause is `other`.
    #[serde(default)]
    note: String,
    /// When it was said, by the clock of the device.
    at: Option<String>,
}

/// What became of a word about an alert. A repeat under the same key gets the same.
#[derive(Serialize, ToSchema)]
pub struct Heard {
    /// The alert.
    alert: String,
    /// What was done: acknowledged, unacknowledged, assigned, commented, shelved, unshelved, closed.
    #[schema(value_type = String, example = "acknowledged")]
    did: &'static str,
    /// Who said it.
    author: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// When it was said, by the clock of the author's device; null when it did not say.
    #[schema(value_type = Option<String>, format = DateTime)]
    said_at: Option<Shown>,
    /// The alert's version after it.
    #[schema(example = 4)]
    version: u64,
    /// The journal's number of it.
    #[schema(example = "48211")]
    number: String,
}

/// What words about alerts may answer besides.
#[derive(utoipa::IntoResponses)]
pub enum NotHeard {
    /// It does not fit how the alert stands; `detail` says why.
    #[response(status = 409, content_type = "application/problem+json")]
    Unfit(super::problem::ProblemDocument),
    /// `If-Match` names another version than the present one; `present` is the alert as it is.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(super::problem::ProblemDocument),
    /// `Idempotency-Key` stood for another request before.
    #[response(status = 422, content_type = "application/problem+json")]
    Reused(super::problem::ProblemDocument),
    /// The journal does not write, or the state is far behind; the same may be sent again with the same key.
    #[response(status = 503, content_type = "application/problem+json")]
    Stopped(super::problem::ProblemDocument),
}

/// Somebody looks after an alert. It stands for the severity that the alert has now: when it gets worse it has to be
/// acknowledged anew. Whoever acknowledges it again with a note adds the note; without one nothing changes. An alert
/// that is over can still be acknowledged.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once")),
    request_body = NoteAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn acknowledge(
    door: Allowed<AnswerAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<NoteAsked>,
) -> Result<Response, Problem> {
    let order = Order::Acknowledge { note: note(&asked.note)? };
    hear(&door, &headers, id, order, asked.at).await
}

/// Takes the caller's own acknowledgement back. When nobody looks after the alert any more its escalation begins anew.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/unacknowledge", operation_id = "unacknowledgeAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once"),
        ("if-match" = Option<String>, Header, description = "Only when the alert still has this version")),
    request_body = NoteAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn unacknowledge(
    door: Allowed<AnswerAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<NoteAsked>,
) -> Result<Response, Problem> {
    let order = Order::Unacknowledge { note: note(&asked.note)? };
    hear(&door, &headers, id, order, asked.at).await
}

/// Makes an alert somebody's.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/assign", operation_id = "assignAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once"),
        ("if-match" = Option<String>, Header, description = "Only when the alert still has this version")),
    request_body = AssignAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn assign(
    door: Allowed<AnswerAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<AssignAsked>,
) -> Result<Response, Problem> {
    let to = asked.to.as_deref().map(|to| line("to", to, 1, NAME_LENGTH_MAX)).transpose()?;
    let order = Order::Assign { to, note: note(&asked.note)? };
    hear(&door, &headers, id, order, asked.at).await
}

/// Adds something to know to an alert's time-line, also when it is over. Comments never replace each other.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/comment", operation_id = "commentAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once")),
    request_body = CommentAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn comment(
    door: Allowed<AnswerAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<CommentAsked>,
) -> Result<Response, Problem> {
    let text = asked.text.trim();
    let is_wrong = |letter: char| letter.is_control() && letter != '\n';
    if text.is_empty() || text.chars().count() > COMMENT_LENGTH_MAX || text.contains(is_wrong) {
        return Err(wrong(format!(
            "text: must have 1 to {COMMENT_LENGTH_MAX} letters, no control character but new lines"
        )));
    }
    hear(&door, &headers, id, Order::Comment { text: text.to_owned() }, asked.at).await
}

/// Nobody is told of an alert for a while, nor of the same one when it is raised again meanwhile. It is back by itself
/// at the end, and at once when it gets worse than it is now.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/shelve", operation_id = "shelveAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once"),
        ("if-match" = Option<String>, Header, description = "Only when the alert still has this version")),
    request_body = ShelveAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn shelve(
    door: Allowed<SettleAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<ShelveAsked>,
) -> Result<Response, Problem> {
    let order = Order::Shelve {
        until: instant("until", &asked.until)?,
        reason: line("reason", &asked.reason, 1, NOTE_LENGTH_MAX)?,
    };
    hear(&door, &headers, id, order, asked.at).await
}

/// Takes an alert off the shelf: its escalation begins anew.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/unshelve", operation_id = "unshelveAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once"),
        ("if-match" = Option<String>, Header, description = "Only when the alert still has this version")),
    request_body = NoteAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn unshelve(
    door: Allowed<SettleAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<NoteAsked>,
) -> Result<Response, Problem> {
    let order = Order::Unshelve { note: note(&asked.note)? };
    hear(&door, &headers, id, order, asked.at).await
}

/// Closes an alert: it is over when its condition does not hold any more (recovering, latched, unknown).
///
/// While the condition holds only `false_alarm`, `test` and `duplicate` are taken: the alert stays in its state, nobody
/// is told of it any more, and it is back when it gets worse; when its condition has ended once it is over. Another
/// cause is refused with 409.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/close", operation_id = "closeAlert", tag = "alerts",
    params(("id" = String, Path, description = "The alert's identifier, percent-encoded"),
        ("idempotency-key" = Option<String>, Header, description = "1 to 128 letters: a repeat is answered alike, applied once"),
        ("if-match" = Option<String>, Header, description = "Only when the alert still has this version")),
    request_body = CloseAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is done", body = Heard), Refused, Missing, BadBody, NotHeard))]
pub async fn close(
    door: Allowed<SettleAlerts>,
    headers: HeaderMap,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<CloseAsked>,
) -> Result<Response, Problem> {
    let cause = word(&asked.cause, &CloseCause::ALL, CloseCause::word).map_err(|why| wrong(format!("cause: {why}")))?;
    let note = note(&asked.note)?;
    if cause == CloseCause::Other && note.is_empty() {
        return Err(wrong("note: must say why when the cause is other"));
    }
    hear(&door, &headers, id, Order::Close { cause, note }, asked.at).await
}

/// Journals a word and answers with what became of it.
async fn hear<N>(
    door: &Allowed<N>,
    headers: &HeaderMap,
    id: String,
    order: Order,
    at: Option<String>,
) -> Result<Response, Problem> {
    let parts = door.parts().clone();
    let said_at = at.as_deref().map(|at| instant("at", at)).transpose()?;
    let alert = AlertId(id.as_str().into());
    let key = key(headers, &alert, &order, said_at)?;
    let versions = headers::versions(headers);
    let (author, origin) = (door.caller().name.clone(), Some(door.address()));
    let command = AlertCommand { alert, author, order, said_at, versions, key, origin };
    let known = {
        let state = parts.state.read();
        let sight = door.sight(&state.catalogue);
        let found = state.alerts.get(&command.alert).filter(|alert| sight.reaches(alert.subject.area()));
        // A repeat is answered though the alert is gone meanwhile.
        let known = command.key.as_ref().and_then(|key| state.workflow.known(&command.author, key));
        if known.is_none() {
            found.ok_or_else(|| Problem::not_found("alert", &id))?;
        }
        known.map(|(known, is_same)| (*known, is_same))
    };
    match known {
        Some((_, false)) => return Err(refused(&parts.state.read(), &command, Refusal::KeyReused)),
        Some((known, true)) => return answer(&parts.state.read(), &command, &known),
        None => {}
    }
    if let Order::Shelve { until, .. } = &command.order {
        let (now, max) = (parts.clock.now(), parts.shelve_max);
        if *until <= now || until.since(now) > max {
            return Err(wrong(format!("until: must be after now, by {} at most", model::Span::from(max))));
        }
    }
    let task = tokio::spawn(async move {
        let outcome = take(&parts, &command).await?;
        answer(&parts.state.read(), &command, &outcome)
    });
    task.await.map_err(Problem::internal)?
}

/// Journals a word and waits until the state has it: what became of it. To be run to its end, whoever hangs up.
pub(super) async fn take(parts: &Arc<Parts>, command: &AlertCommand) -> Result<Remembered, Problem> {
    let Said { seq, is_applied } = say(parts, model::Body::Alert(Box::new(command.clone()))).await?;
    if !is_applied {
        let behind = "it is on disk, and the state is far behind: ask for it later, or send it again with its key";
        return Err(Problem::new(Code::Unavailable, behind));
    }
    let outcome = parts.state.read().workflow.outcome(seq).copied();
    let outcome = outcome.ok_or_else(|| Problem::internal(format!("nothing is known of word {seq}")))?;
    if outcome.seq == seq && matches!(outcome.outcome, Outcome::Done(_)) {
        // Whoever follows the journal writes it too, when this does not come to it.
        let (parts, said) = (parts.clone(), Word { seq, at: outcome.at, command: Box::new(command.clone()) });
        let noted = tokio::task::spawn_blocking(move || parts.accounts.audit().record_said(&[said]));
        noted.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    }
    Ok(outcome)
}

fn answer(state: &State, command: &AlertCommand, known: &Remembered) -> Result<Response, Problem> {
    let version = match known.outcome {
        Outcome::Done(version) | Outcome::Already(version) => version,
        Outcome::Refused(refusal) => return Err(refused(state, command, refusal)),
    };
    let zone = Zone::default();
    let heard = Heard {
        alert: command.alert.to_string(),
        did: did(&command.order),
        author: command.author.clone(),
        at: zone.show(known.at),
        said_at: command.said_at.map(|at| zone.show(at)),
        version,
        number: known.seq.to_string(),
    };
    Ok(tagged(version, heard))
}

/// Why a word was refused.
pub(super) fn refused(state: &State, command: &AlertCommand, refusal: Refusal) -> Problem {
    let conflict = |why: &str| Problem::new(Code::Conflict, why);
    match refusal {
        Refusal::Gone => Problem::not_found("alert", &command.alert.0),
        Refusal::Stale => {
            let version = state.workflow.version(&command.alert);
            let problem = Problem::new(Code::ChangedSince, format!("the alert has version {version} by now"));
            let zone = Zone::default();
            // Its freshness is not in it: no clock is needed.
            let reporter = Reporter { state, now: state.ticked_at, zone: &zone };
            let present = state.alerts.get(&command.alert).and_then(|alert| reporter.alert(alert));
            match present {
                Some(present) => problem.with_present(present),
                None => problem,
            }
        }
        Refusal::Over => conflict("the alert is over"),
        Refusal::Holds => conflict(
            "its condition still holds: close it as false_alarm, test or duplicate, shelve it, or wait until it recovers",
        ),
        Refusal::NotAcknowledged => conflict("you have not acknowledged it"),
        Refusal::NotShelved => conflict("it is not shelved"),
        Refusal::TooManyShelved => conflict("1,000 are shelved already: take some off the shelf"),
        Refusal::KeyReused => Problem::new(Code::KeyReused, "Idempotency-Key: it stood for another request before"),
    }
}

/// What a word did, in a word.
pub(super) fn did(order: &Order) -> &'static str {
    match order {
        Order::Acknowledge { .. } => "acknowledged",
        Order::Unacknowledge { .. } => "unacknowledged",
        Order::Assign { .. } => "assigned",
        Order::Comment { .. } => "commented",
        Order::Shelve { .. } => "shelved",
        Order::Unshelve { .. } => "unshelved",
        Order::Close { .. } => "closed",
    }
}

/// The client's key, with what stands for the request.
fn key(
    headers: &HeaderMap,
    alert: &AlertId,
    order: &Order,
    said_at: Option<Timestamp>,
) -> Result<Option<CommandKey>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() || text.len() > KEY_BYTES_MAX {
        let why = format!("must have 1 to {KEY_BYTES_MAX} letters, digits or signs of ASCII");
        return Err(Problem::parameter("Idempotency-Key", why));
    }
    let asked = postcard::to_stdvec(&(alert, order, said_at)).map_err(Problem::internal)?;
    let digest: [u8; 32] = Sha256::digest(&asked).into();
    let mut request = [0; 16];
    request.copy_from_slice(&digest[..16]);
    Ok(Some(CommandKey { text: text.to_owned(), request }))
}

fn note(text: &str) -> Result<String, Problem> {
    line("note", text, 0, NOTE_LENGTH_MAX)
}
