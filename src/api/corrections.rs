//! `/stations/{id}/channels/{property}/corrections`: what a person knows better than the sensor.
//!
//! A correction is a journal entry with its author. It replaces what history answers for those times; what it replaced
//! is kept and told here. Only samples that are there when it is made are judged: what comes later for the same times
//! is judged by the checks alone. Alerts are not judged again: what is past dispatches nobody.

use std::time::Duration;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Parts;
use super::body::Body;
use super::door::{Allowed, CorrectHistory, SeeHistory};
use super::maintenance::{reason, record, station_of};
use super::problem::{BadBody, Code, Missing, Problem, Refused};
use super::query::{Asked, FromParams, Nothing, Params, TwoNames};
use super::time::{Shown, When, Zone};
use crate::auth::Act;
use crate::model::{self, Channel, Corrections, Quality, Sample, Seq, TimeClass, Timestamp};
use crate::store::{Earlier, Store, StoredSample};

/// Samples that one correction may change: a channel's week, a minute apart.
const SAMPLES_MAX: usize = 10_080;
/// The longest time that one answer tells of.
const RANGE_MAX: Duration = Duration::from_secs(31 * 86_400);
/// How long one correction waits until history has the one before it, and how often it looks.
const STORE_WAIT_MAX: Duration = Duration::from_secs(5);
const STORE_POLL: Duration = Duration::from_millis(5);
/// A person's verdict takes the place of everything but what is said of times.
const KEPT: Quality = Quality::RECEIVED_TIME.with(Quality::CLOCK_SKEW);

/// What a person says of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They are right, whatever the checks or the device say.
    Good,
    /// They are wrong.
    Bad,
    /// They are not measured but estimated.
    Estimated,
}

/// Either a verdict on every sample from `from` up to `to`, or values for single times.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionAsked {
    /// Why: 1 to 500 letters.
    #[schema(example = "the gauge was clogged by leaves")]
    reason: String,
    /// The first time of a span, RFC 3339.
    from: Option<String>,
    /// The end of a span, RFC 3339; this instant is no longer in it.
    to: Option<String>,
    /// For a span: what holds of it. For values: good when absent.
    verdict: Option<Verdict>,
    /// Values for single times. A time at which there is no sample yet takes an estimated value only.
    #[serde(default)]
    values: Vec<CorrectedValue>,
}

/// A value that a person gives.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectedValue {
    /// When it was observed, RFC 3339, to the microsecond as history tells it.
    #[schema(example = "2026-11-21T10:15:00+07:00")]
    time: String,
    /// In the channel's unit, within its plausible range.
    value: f64,
}

/// What became of a correction.
#[derive(Serialize, ToSchema)]
pub struct Corrected {
    /// How many samples were replaced or added.
    samples: u64,
    /// Its number in the journal: what it replaced names it.
    #[schema(example = "51020")]
    journaled_as: String,
}

/// What `corrections` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CorrectionsAsked {
    /// Of times from here on: RFC 3339, or an age such as -24h.
    #[param(value_type = Option<String>, default = "-24h")]
    from: Option<When>,
    /// Of times before this one.
    #[param(value_type = Option<String>, default = "now")]
    to: Option<When>,
}

impl FromParams for CorrectionsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self { from: params.one("from", When::parse)?, to: params.one("to", When::parse)? })
    }
}

/// A value that another one replaced.
#[derive(Serialize, ToSchema)]
pub struct EarlierValue {
    /// The time of both.
    #[schema(value_type = String, format = DateTime)]
    time: Shown,
    /// What was stored before.
    value: f64,
    /// Its worst flag, or good.
    #[schema(value_type = String, example = "rate")]
    quality: &'static str,
    /// Everything that was said of it.
    #[schema(value_type = Vec<String>)]
    flags: Vec<&'static str>,
    /// When it was replaced.
    #[schema(value_type = String, format = DateTime)]
    replaced_at: Shown,
    /// The number of the entry that did: the device's own message, or a correction.
    #[schema(example = "51020")]
    replaced_by: String,
    /// Who did, when it was a person and not long ago; null for a device and for the checks.
    author: Option<String>,
    /// Why, in that person's words.
    reason: Option<String>,
}

/// What corrections replaced.
#[derive(Serialize, ToSchema)]
pub struct EarlierList {
    /// Ascending by time, then in the order in which they were replaced.
    earlier: Vec<EarlierValue>,
    /// Whether there is more than one answer tells: ask for a shorter time.
    cut: bool,
}

/// What was replaced of a channel's history, by its device, by the checks and by people.
#[utoipa::path(get, path = "/api/v1/stations/{id}/channels/{property}/corrections", operation_id = "listCorrections",
    tag = "history", params(CorrectionsAsked,
        ("id" = String, Path, description = "The station's name", example = "RV-NAMNA-01"),
        ("property" = String, Path, description = "The observed property", example = "water_level")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "What was replaced", body = EarlierList), Refused, Missing))]
pub async fn list(
    door: Allowed<SeeHistory>,
    TwoNames(id, property): TwoNames,
    Asked(asked): Asked<CorrectionsAsked>,
) -> Result<Json<EarlierList>, Problem> {
    let channel = channel_of(&door, &id, &property)?;
    let (now, zone) = (door.parts().clock.now(), Zone::default());
    let day = Duration::from_secs(86_400);
    let to = asked.to.map_or(now, |to| to.settle(now, &zone));
    let from = asked.from.map_or(to - day, |from| from.settle(now, &zone));
    if to < from || to.since(from) > RANGE_MAX {
        return Err(Problem::parameter("from", "must be before `to`, by 31 days at most"));
    }
    let parts = door.parts().clone();
    let read = tokio::task::spawn_blocking(move || parts.store.earlier(channel.id, from, to));
    let mut found = read.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let cut = found.len() > SAMPLES_MAX;
    found.truncate(SAMPLES_MAX);
    let state = door.parts().state.read();
    let tell = |earlier: &Earlier| {
        let author = state.author_of(earlier.replaced_by);
        EarlierValue {
            time: zone.show(earlier.observed_at),
            value: earlier.value,
            quality: earlier.quality.word(),
            flags: earlier.quality.words().collect(),
            replaced_at: zone.show(earlier.replaced_at),
            replaced_by: earlier.replaced_by.to_string(),
            author: author.map(|author| author.name.clone()),
            reason: author.map(|author| author.reason.clone()),
        }
    };
    Ok(Json(EarlierList { earlier: found.iter().map(tell).collect(), cut }))
}

/// Corrects values, or gives a verdict on a span. Answered when it is durable; history follows within moments, and the
/// next correction waits for it.
#[utoipa::path(post, path = "/api/v1/stations/{id}/channels/{property}/corrections", operation_id = "correct",
    tag = "history", params(
        ("id" = String, Path, description = "The station's name", example = "RV-NAMNA-01"),
        ("property" = String, Path, description = "The observed property", example = "water_level")),
    request_body = CorrectionAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "It is in the journal", body = Corrected), Refused, Missing, BadBody,
        (status = 409, description = "History is kept where what a correction replaces would be lost",
            body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Nothing is taken in at present, or history lags behind the correction before",
            body = super::problem::ProblemDocument, content_type = "application/problem+json")))]
pub async fn correct(
    door: Allowed<CorrectHistory>,
    TwoNames(id, property): TwoNames,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<CorrectionAsked>,
) -> Result<Json<Corrected>, Problem> {
    let channel = channel_of(&door, &id, &property)?;
    let why = reason(&asked.reason)?;
    let parts = door.parts().clone();
    if !parts.store.keeps_earlier() {
        let why = "history is kept in InfluxDB, which forgets what a correction replaces: nothing is corrected there";
        return Err(Problem::new(Code::Conflict, why));
    }
    let mut newest = parts.correcting.clone().lock_owned().await;
    settled(&parts, *newest).await?;
    let now = parts.clock.now();
    let store = parts.store.clone();
    let judged = tokio::task::spawn_blocking(move || judged(&store, &channel, &asked, now));
    let samples = judged.await.map_err(Problem::internal)??;
    let count = samples.len() as u64;
    let detail = format!("{count} samples: {why}");
    let corrections = Corrections { author: door.caller().name.clone(), reason: why, samples };
    // On its own task: a caller who hangs up here must not let the next one read too early.
    let journaled = tokio::spawn(async move {
        let seq = (parts.note)(model::Body::Corrections(corrections)).await?;
        *newest = seq;
        Ok::<_, String>(seq)
    });
    let seq = journaled.await.map_err(Problem::internal)?.map_err(|why| Problem::new(Code::Unavailable, why))?;
    record(&door, Act::SamplesCorrected, format!("{id}/{property}"), detail).await?;
    Ok(Json(Corrected { samples: count, journaled_as: seq.to_string() }))
}

/// The samples as they are to be, from those that history has.
fn judged(store: &Store, channel: &Channel, asked: &CorrectionAsked, now: Timestamp) -> Result<Vec<Sample>, Problem> {
    match span(asked)? {
        Some((from, to, verdict)) => {
            let read = store.range(channel.id, from, to).take(SAMPLES_MAX + 1);
            let stored = read.collect::<Result<Vec<_>, _>>().map_err(Problem::internal)?;
            on_span(channel, &stored, verdict)
        }
        None => {
            let at = |at: Timestamp| {
                if store.is_deleted(channel.id, at) {
                    return Err(wrong(format!("time: {at}: the samples of that day were deleted for their age")));
                }
                let found = store.range(channel.id, at, at + Duration::from_micros(1)).next();
                found.transpose().map_err(Problem::internal)
            };
            on_values(channel, asked, now, at)
        }
    }
}

/// Waits until history has the correction before: what is changed next is read from there.
async fn settled(parts: &Parts, newest: Seq) -> Result<(), Problem> {
    let wait = async {
        while parts.store.applied() < newest {
            tokio::time::sleep(STORE_POLL).await;
        }
    };
    let late =
        |_| Problem::new(Code::Unavailable, "history does not have the correction before this one yet: try again");
    tokio::time::timeout(STORE_WAIT_MAX, wait).await.map_err(late)
}

fn wrong(why: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidBody, why)
}

fn instant(key: &str, text: &str) -> Result<Timestamp, Problem> {
    let wanted = || wrong(format!("{key}: {text:?} is not a time such as 2026-11-21T10:15:00+07:00"));
    Timestamp::parse(text).ok_or_else(wanted)
}

/// The span that is asked about; `None` when values are given.
fn span(asked: &CorrectionAsked) -> Result<Option<(Timestamp, Timestamp, Verdict)>, Problem> {
    match (&asked.from, &asked.to, asked.values.is_empty()) {
        (None, None, false) => Ok(None),
        (Some(from), Some(to), true) => {
            let (from, to) = (instant("from", from)?, instant("to", to)?);
            let verdict = asked.verdict.ok_or_else(|| wrong("verdict: a span needs one: good, bad or estimated"))?;
            if from >= to { Err(wrong("to: must be after from")) } else { Ok(Some((from, to, verdict))) }
        }
        _ => Err(wrong("give either from, to and verdict, or values")),
    }
}

fn with_verdict(quality: Quality, verdict: Verdict) -> Quality {
    let kept = Quality(quality.0 & KEPT.0).with(Quality::EDITED);
    match verdict {
        Verdict::Good => kept,
        Verdict::Bad => quality.with(Quality::EDITED).with(Quality::BAD),
        Verdict::Estimated => kept.with(Quality::ESTIMATED),
    }
}

fn on_span(channel: &Channel, stored: &[StoredSample], verdict: Verdict) -> Result<Vec<Sample>, Problem> {
    if stored.is_empty() {
        return Err(wrong("from: there is no sample in that time"));
    }
    if stored.len() > SAMPLES_MAX {
        return Err(wrong(format!("to: more than {SAMPLES_MAX} samples in that time; correct it in parts")));
    }
    let sample = |stored: &StoredSample| Sample {
        channel: channel.id,
        observed_at: stored.observed_at,
        value: stored.value,
        quality: with_verdict(stored.quality, verdict),
        time_class: TimeClass::Backfill,
    };
    Ok(stored.iter().map(sample).collect())
}

fn on_values(
    channel: &Channel,
    asked: &CorrectionAsked,
    now: Timestamp,
    stored_at: impl Fn(Timestamp) -> Result<Option<StoredSample>, Problem>,
) -> Result<Vec<Sample>, Problem> {
    let verdict = asked.verdict.unwrap_or(Verdict::Good);
    if asked.values.len() > SAMPLES_MAX {
        return Err(wrong(format!("values: more than {SAMPLES_MAX}")));
    }
    let mut samples: Vec<Sample> = Vec::with_capacity(asked.values.len());
    for given in &asked.values {
        let observed_at = instant("time", &given.time)?;
        if !channel.plausible.contains(given.value) {
            let model::Range { min, max } = channel.plausible;
            return Err(wrong(format!("value: {} is outside {min} to {max} {}", given.value, channel.unit.code())));
        }
        let stored = stored_at(observed_at)?;
        if stored.is_none() && (verdict != Verdict::Estimated || observed_at > now) {
            let why = "there is no sample at that time: only an estimated value can be added, and none in the future";
            return Err(wrong(format!("time: {}: {why}", given.time)));
        }
        if samples.iter().any(|sample| sample.observed_at == observed_at) {
            return Err(wrong(format!("time: {} is there twice", given.time)));
        }
        let quality = with_verdict(stored.map_or(Quality::GOOD, |stored| stored.quality), verdict);
        let time_class = TimeClass::Backfill;
        samples.push(Sample { channel: channel.id, observed_at, value: given.value, quality, time_class });
    }
    Ok(samples)
}

fn channel_of<N>(door: &Allowed<N>, id: &str, property: &str) -> Result<Channel, Problem> {
    let station = station_of(door, id)?;
    let state = door.parts().state.read();
    let station = state.catalogue.station(station).ok_or_else(|| Problem::not_found("station", id))?;
    let channel = state.catalogue.channel_of(station, property);
    channel.cloned().ok_or_else(|| Problem::not_found("channel", &format!("{id}/{property}")))
}
