//! `GET /dead-letters`: messages of which something was refused, whole, with the reasons; and their replay.

use axum::Json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::door::{Allowed, Replay, SeeDeadLetters};
use super::problem::{Code, Missing, Problem, Refused};
use super::query::{Asked, FromParams, Id, NO_PLACE, Nothing, Params, limit, word};
use super::replaying::{LETTERS_MAX, ReplaySum, Witness, replay_all, see_through, take};
use super::time::{Shown, When, Zone};
use crate::model::{Catalogue, Reason, Rejection, Seq, SourceId};
use crate::store::{DeadLetter, DeadLetterFilter};

/// Dead letters in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// How much of a payload the list shows, in characters.
const PREVIEW_CHARS: usize = 200;

/// What `/dead-letters` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersAsked {
    /// Only from this source, by its name.
    #[param(value_type = Option<String>, example = "edge")]
    source: Option<String>,
    /// Only with something refused for this reason, such as `implausible` or `invalid_json`.
    #[param(value_type = Option<String>, example = "implausible")]
    reason: Option<Reason>,
    /// Only first received at this time or later.
    #[param(value_type = Option<String>, example = "-24h")]
    since: Option<When>,
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<Seq>,
}

impl FromParams for DeadLettersAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            source: params.one("source", |text| Ok(text.to_owned()))?,
            reason: params.one("reason", |text| word(text, Reason::ALL, Reason::word))?,
            since: params.one("since", When::parse)?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| number(text).ok_or(NO_PLACE.to_owned()))?,
        })
    }
}

fn number(text: &str) -> Option<Seq> {
    text.parse().ok().map(Seq)
}

/// One thing that was refused, and why.
#[derive(Serialize, ToSchema)]
pub struct RejectionEntry {
    /// The reason, from a closed list; the ledger counts by it.
    #[schema(value_type = String, example = "implausible")]
    reason: &'static str,
    /// What exactly was wrong.
    detail: String,
}

impl From<&Rejection> for RejectionEntry {
    fn from(rejection: &Rejection) -> Self {
        Self { reason: rejection.reason.word(), detail: rejection.detail.clone() }
    }
}

/// A message of which something was refused.
#[derive(Serialize, ToSchema)]
pub struct DeadLetterEntry {
    /// Its number in the journal.
    #[schema(example = "48211")]
    id: String,
    /// When it was first received.
    #[schema(value_type = String, format = DateTime)]
    received_at: Shown,
    /// The way in.
    #[schema(example = "edge")]
    source: String,
    /// MQTT topic, or the file's or hook's name.
    #[schema(example = "saola/v1/WX-MUONGTE-01")]
    topic: String,
    /// What was refused and why.
    rejections: Vec<RejectionEntry>,
    /// The length of the payload, in bytes.
    payload_bytes: usize,
    /// The payload's first 200 characters; null when it is not UTF-8.
    preview: Option<String>,
}

/// A dead letter with its whole payload.
#[derive(Serialize, ToSchema)]
pub struct DeadLetterDocument {
    /// The message.
    #[serde(flatten)]
    entry: DeadLetterEntry,
    /// The payload as text; null when it is not UTF-8.
    text: Option<String>,
    /// The payload's bytes in base64 (RFC 4648).
    base64: String,
}

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
pub struct DeadLetterList {
    /// The messages, newest first. May be fewer than asked for while `next` is set.
    dead_letters: Vec<DeadLetterEntry>,
    /// Numbers of messages on this page whose record is damaged and cannot be read.
    damaged: Vec<String>,
    /// Pass it as `next` for the following messages; null when there are no more.
    next: Option<String>,
}

/// Messages of which something was refused, newest first.
#[utoipa::path(get, path = "/api/v1/dead-letters", operation_id = "listDeadLetters", tag = "intake", params(DeadLettersAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The messages", body = DeadLetterList), Refused))]
pub async fn list(
    door: Allowed<SeeDeadLetters>,
    Asked(asked): Asked<DeadLettersAsked>,
) -> Result<Json<DeadLetterList>, Problem> {
    let parts = door.parts().clone();
    let catalogue = parts.state.read().catalogue.clone();
    let filter = filter(&door, asked.source.as_deref(), asked.reason, asked.since.as_ref())?;
    let read = tokio::task::spawn_blocking(move || parts.store.dead_letters(asked.next, asked.limit, &filter));
    let page = read.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let zone = Zone::default();
    Ok(Json(DeadLetterList {
        dead_letters: page.letters.iter().map(|letter| entry(letter, &catalogue, &zone)).collect(),
        damaged: page.damaged.iter().map(Seq::to_string).collect(),
        next: page.before.map(|before| before.to_string()),
    }))
}

/// One dead letter with its whole payload.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}", operation_id = "readDeadLetter", tag = "intake",
    params(("id" = String, Path, description = "The message's number", example = "48211")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The message", body = DeadLetterDocument), Refused, Missing))]
pub async fn one(
    door: Allowed<SeeDeadLetters>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<DeadLetterDocument>, Problem> {
    let letter = find(&door, &id).await?;
    let catalogue = door.parts().state.read().catalogue.clone();
    Ok(Json(DeadLetterDocument {
        entry: entry(&letter, &catalogue, &Zone::default()),
        text: std::str::from_utf8(&letter.payload).ok().map(str::to_owned),
        base64: STANDARD.encode(&letter.payload),
    }))
}

/// What became of a replay.
#[derive(Serialize, ToSchema)]
pub struct ReplayDocument {
    /// The dead letter's number; it is gone now.
    id: String,
    /// The number in the journal of the message's second arrival; of the dead letter, when something is still refused.
    #[schema(example = "51020")]
    journaled_as: String,
    /// Readings in it.
    received: u64,
    /// Readings taken now.
    stored: u64,
    /// Readings that were there already.
    duplicate: u64,
    /// What was refused again.
    rejections: Vec<RejectionEntry>,
}

/// Hands a dead letter in again, as if it had just arrived: for when the cause has been mended.
///
/// Answered when it is durable. The letter is gone then; what is refused again is a dead letter of another number,
/// which keeps the time of the first arrival. The ledger counts the readings once more, in `received` and `replayed`.
#[utoipa::path(post, path = "/api/v1/dead-letters/{id}/replay", operation_id = "replayDeadLetter", tag = "intake",
    params(("id" = String, Path, description = "The message's number", example = "48211")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is in the journal again", body = ReplayDocument), Refused, Missing,
        (status = 409, description = "It is a row of an imported file: import that again",
            body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Nothing is taken in at present", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn replay(
    door: Allowed<Replay>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<ReplayDocument>, Problem> {
    let letter = find(&door, &id).await?.id;
    let (parts, witness, subject) = (door.parts().clone(), Witness::of(&door), id.clone());
    let outcome = see_through(async move {
        let outcome = take(&parts, &[letter]).await?.into_iter().next();
        let outcome = outcome.ok_or_else(|| Problem::not_found("dead letter", &subject))?;
        let outcome = outcome.map_err(|why| Problem::new(Code::Conflict, why))?;
        witness.record(subject, String::new()).await?;
        Ok(outcome)
    });
    let outcome = outcome.await?;
    Ok(Json(ReplayDocument {
        id,
        journaled_as: outcome.seq.to_string(),
        received: outcome.received,
        stored: outcome.taken,
        duplicate: outcome.duplicate,
        rejections: outcome.rejections.iter().map(RejectionEntry::from).collect(),
    }))
}

/// What `POST /dead-letters/replay` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReplayAsked {
    /// Only from this source, by its name.
    #[param(value_type = Option<String>, example = "edge")]
    source: Option<String>,
    /// Only with something refused for this reason, such as `unknown_station`.
    #[param(value_type = Option<String>, example = "unknown_station")]
    reason: Option<Reason>,
    /// Only first received at this time or later.
    #[param(value_type = Option<String>, example = "-24h")]
    since: Option<When>,
    /// How many at most: 1 to 100,000.
    #[param(value_type = Option<u32>, default = 100000, minimum = 1, maximum = 100000)]
    limit: usize,
}

impl FromParams for ReplayAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            source: params.one("source", |text| Ok(text.to_owned()))?,
            reason: params.one("reason", |text| word(text, Reason::ALL, Reason::word))?,
            since: params.one("since", When::parse)?,
            limit: params.one("limit", |text| limit(text, LETTERS_MAX))?.unwrap_or(LETTERS_MAX),
        })
    }
}

/// Hands in again every dead letter that fits, the oldest first, and tells what became of them.
///
/// Letters that are refused again in this run are not handed in a second time by it. It goes on when the caller hangs
/// up.
#[utoipa::path(post, path = "/api/v1/dead-letters/replay", operation_id = "replayDeadLetters", tag = "intake",
    params(ReplayAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "They are in the journal again", body = ReplaySum), Refused,
        (status = 503, description = "Nothing is taken in at present", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn replay_many(door: Allowed<Replay>, Asked(asked): Asked<ReplayAsked>) -> Result<Json<ReplaySum>, Problem> {
    let filter = filter(&door, asked.source.as_deref(), asked.reason, asked.since.as_ref())?;
    let words = [asked.source, asked.reason.map(|reason| reason.word().to_owned())];
    let subject = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let subject = if subject.is_empty() { "all".to_owned() } else { subject };
    let (parts, witness) = (door.parts().clone(), Witness::of(&door));
    let sum = see_through(async move {
        let sum = replay_all(&parts, filter, asked.limit, |_| true).await?;
        witness.record(subject, sum.told()).await?;
        Ok(sum)
    });
    Ok(Json(sum.await?))
}

fn filter<N>(
    door: &Allowed<N>,
    source: Option<&str>,
    reason: Option<Reason>,
    since: Option<&When>,
) -> Result<DeadLetterFilter, Problem> {
    let catalogue = door.parts().state.read().catalogue.clone();
    let source = source.map(|name| source_named(&catalogue, name)).transpose()?;
    let since = since.map(|since| since.settle(door.parts().clock.now(), &Zone::default()));
    Ok(DeadLetterFilter { source, reason, since })
}

async fn find<N>(door: &Allowed<N>, id: &str) -> Result<DeadLetter, Problem> {
    let missing = || Problem::not_found("dead letter", id);
    let seq = number(id).ok_or_else(missing)?;
    let parts = door.parts().clone();
    let read = tokio::task::spawn_blocking(move || parts.store.dead_letter(seq));
    read.await.map_err(Problem::internal)?.map_err(Problem::internal)?.ok_or_else(missing)
}

pub(super) fn source_named(catalogue: &Catalogue, name: &str) -> Result<SourceId, Problem> {
    let place = catalogue.sources().iter().position(|source| source == name).and_then(|at| u16::try_from(at).ok());
    place.map(SourceId).ok_or_else(|| {
        Problem::parameter("source", format!("{name:?} is not one of {}", catalogue.sources().join(", ")))
    })
}

fn entry(letter: &DeadLetter, catalogue: &Catalogue, zone: &Zone) -> DeadLetterEntry {
    let rejections = letter.rejections.iter();
    let text = std::str::from_utf8(&letter.payload).ok();
    DeadLetterEntry {
        id: letter.id.to_string(),
        received_at: zone.show(letter.received_at),
        source: catalogue.source(letter.source).to_owned(),
        topic: letter.topic.clone(),
        rejections: rejections.map(RejectionEntry::from).collect(),
        payload_bytes: letter.payload.len(),
        preview: text.map(|text| text.chars().take(PREVIEW_CHARS).collect()),
    }
}
