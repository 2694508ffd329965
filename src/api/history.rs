//! `GET /history`: raw samples of channels, as JSON, CSV or newline-delimited JSON.
//!
//! Without a limit everything in the range is sent, read from the store piece by piece as the peer takes it: an answer
//! of any length costs one piece of memory and no thread that waits. With a limit the page is read first, so that
//! `next` is known. Ranges are half open (`from` <= time < `to`), so that consecutive ones neither overlap nor gap.
//! Left out for now: buckets (`every`, `fn`) and Parquet.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::Semaphore;
use utoipa::IntoParams;

use super::Parts;
use super::door::{Allowed, SeeHistory};
use super::headers::REVALIDATE;
use super::history_text::{Format, HistoryDocument, Series, Writer};
use super::problem::{Code, Missing, Problem, Refused};
use super::query::{Asked, FromParams, Params, limit, word};
use super::time::{When, Zone};
use crate::model::{Channel, ChannelId, Timestamp};
use crate::store::{StoreError, StoredSample};

/// Samples in one answer when a limit is asked for, at most. Without a limit there is none.
const LIMIT_MAX: usize = 100_000;

/// Samples read at a time, about: 24 bytes each, and 80 as text.
const PIECE_SAMPLES: usize = 4_096;

/// What `/history` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryAsked {
    /// A channel as STATION/PROPERTY; may be repeated or a list with commas.
    #[param(value_type = Vec<String>, example = "RV-NAMNA-01/water_level")]
    channel: Vec<String>,
    /// From this time on: RFC 3339, a date, `-24h`. Default: 24 hours before `to`.
    #[param(value_type = Option<String>, example = "-24h")]
    from: Option<When>,
    /// Up to and without this time. Default: up to the newest sample.
    #[param(value_type = Option<String>, example = "now")]
    to: Option<When>,
    /// How many samples at most: 1 to 100,000; absent: all of them.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100000)]
    limit: Option<usize>,
    /// Where to go on: the `next` of the answer before, or the `Link` header's.
    #[param(value_type = Option<String>)]
    next: Option<Place>,
    /// json, csv or ndjson.
    #[param(value_type = Option<String>, default = "json")]
    format: Format,
    /// Time zone of the answer's times and of times asked without an offset.
    #[param(value_type = Option<String>, default = "Asia/Ho_Chi_Minh")]
    tz: Zone,
}

impl FromParams for HistoryAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        params.planned("every", "only raw samples are offered so far; leave `every` out")?;
        params.planned("fn", "only raw samples are offered so far; leave `fn` out")?;
        let channel = params.many("channel", |text| Ok(text.to_owned()))?;
        if channel.is_empty() {
            return Err(Problem::parameter("channel", "name at least one channel as STATION/PROPERTY"));
        }
        Ok(Self {
            channel,
            from: params.one("from", When::parse)?,
            to: params.one("to", When::parse)?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?,
            next: params.one("next", Place::parse)?,
            format: params.one("format", |text| word(text, &Format::ALL, Format::word))?.unwrap_or(Format::Json),
            tz: params.one("tz", Zone::parse)?.unwrap_or_default(),
        })
    }
}

/// Where a reading of several channels stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    /// Which of the asked channels.
    series: usize,
    /// From which time on.
    from: Timestamp,
}

impl Place {
    fn parse(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('~').and_then(|(series, from)| Some((series.parse().ok()?, from.parse().ok()?)));
        let (series, from) = parsed.ok_or("it is not the `next` of an answer")?;
        Ok(Self { series, from: Timestamp::from_micros(from) })
    }

    fn text(self) -> String {
        format!("{}~{}", self.series, self.from.micros())
    }
}

/// Raw samples of channels in a range of time, oldest first, one channel after the other.
#[utoipa::path(get, path = "/api/v1/history", operation_id = "readHistory", tag = "history", params(HistoryAsked),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "The samples. CSV: a header row, then time,value,quality; with several channels \
            time,channel,value,quality. NDJSON: one object a line with the same members.",
            content((HistoryDocument = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")),
            headers(("link" = String, description = "rel=\"next\" when a limit was asked for and more follows"))),
        Refused, Missing))]
pub async fn read(door: Allowed<SeeHistory>, Asked(asked): Asked<HistoryAsked>) -> Result<Response, Problem> {
    let now = door.parts().clock.now();
    let to = asked.to.as_ref().map(|to| to.settle(now, &asked.tz));
    let from = match &asked.from {
        Some(from) => from.settle(now, &asked.tz),
        None => When::parse("-24h").map_err(Problem::internal)?.settle(to.unwrap_or(now), &asked.tz),
    };
    let to = to.unwrap_or(Timestamp::from_micros(i64::MAX));
    if from > to {
        return Err(Problem::parameter("from", "it lies after `to`"));
    }
    let wanted = channels(&door, &asked.channel)?;
    let series = wanted.iter().map(|(name, channel)| Series { name: name.clone(), unit: channel.unit.code() });
    let writer = Writer::new(asked.format, asked.tz, series.collect());
    let mut walk = Walk {
        parts: Arc::clone(door.parts()),
        channels: wanted.iter().map(|(_, channel)| channel.id).collect(),
        from,
        to,
        place: Place { series: 0, from },
    };
    if let Some(place) = asked.next {
        if place.series >= walk.channels.len() || place.from < from || place.from > to {
            return Err(Problem::parameter("next", "it belongs to another question"));
        }
        walk.place = place;
    }
    match asked.limit {
        None => Ok(answer(asked.format, Body::from_stream(flow(door.turns(), walk, writer)), None)),
        Some(limit) => {
            let (body, next) = page(&door.turns(), walk, writer, limit).await?;
            Ok(answer(asked.format, Body::from(body), next))
        }
    }
}

fn channels(door: &Allowed<SeeHistory>, names: &[String]) -> Result<Vec<(String, Channel)>, Problem> {
    let state = door.parts().state.read();
    let sight = door.sight(&state.catalogue);
    let find = |name: &String| {
        let channel = state.catalogue.channel_named(name)?;
        let station = state.catalogue.station(channel.station)?;
        sight.reaches_station(station).then(|| (name.clone(), channel.clone()))
    };
    let found =
        |name| find(name).ok_or_else(|| Problem::new(Code::NotFound, format!("channel: there is no channel {name:?}")));
    names.iter().map(found).collect()
}

/// Goes through the channels, piece by piece. It holds no part of the store between pieces: a slow peer must not keep
/// old data from being freed.
struct Walk {
    parts: Arc<Parts>,
    channels: Vec<ChannelId>,
    from: Timestamp,
    to: Timestamp,
    place: Place,
}

/// What one step of a walk found.
struct Piece {
    series: usize,
    samples: Vec<StoredSample>,
}

impl Walk {
    /// The next samples, possibly none; `None` at the end of the last channel.
    fn step(&mut self) -> Result<Option<Piece>, StoreError> {
        let Place { series, from } = self.place;
        let Some(channel) = self.channels.get(series) else {
            return Ok(None);
        };
        let range = self.parts.store.range(*channel, from, self.to);
        let samples = range.take(PIECE_SAMPLES).collect::<Result<Vec<_>, _>>()?;
        self.place = match samples.last() {
            Some(last) if samples.len() == PIECE_SAMPLES => {
                Place { series, from: last.observed_at + Duration::from_micros(1) }
            }
            _ => Place { series: series + 1, from: self.from },
        };
        Ok(Some(Piece { series, samples }))
    }
}

/// Reads on a blocking thread, in turn: however many ask, only a few read at a time, and those who ask for years give
/// way to the others after each piece.
async fn in_turn<T: Send + 'static>(
    turns: &Semaphore,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let _turn = turns.acquire().await.map_err(Problem::internal)?;
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Problem::internal)?.map_err(Problem::internal)
}

/// The whole answer as a stream that reads on when the peer has taken what was read.
fn flow(
    turns: Arc<Semaphore>,
    walk: Walk,
    writer: Writer,
) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::try_unfold(Some((turns, walk, writer)), |reading| async move {
        let Some((turns, mut walk, mut writer)) = reading else {
            return Ok(None);
        };
        let stepped = in_turn(&turns, move || {
            // Empty stretches are passed over here: each costs one look into the store and no round trip.
            while let Some(piece) = walk.step()? {
                if !piece.samples.is_empty() {
                    writer.samples(piece.series, &piece.samples);
                    return Ok((writer.take(), Some((walk, writer))));
                }
            }
            writer.end(None);
            Ok((writer.take(), None))
        });
        match stepped.await {
            Ok((text, rest)) => {
                let rest = rest.map(|(walk, writer)| (turns.clone(), walk, writer));
                Ok(Some((text, rest)))
            }
            Err(problem) => {
                // The answer has begun: all that is left is to break it off, so that it cannot pass for whole.
                tracing::error!(?problem, "a history answer was broken off");
                Err(std::io::Error::other("the history cannot be read"))
            }
        }
    })
}

/// At most `limit` samples, and where the next page begins.
async fn page(
    turns: &Semaphore,
    mut walk: Walk,
    mut writer: Writer,
    limit: usize,
) -> Result<(Bytes, Option<String>), Problem> {
    in_turn(turns, move || {
        let mut left = limit;
        while let Some(piece) = walk.step()? {
            let taken = piece.samples.len().min(left);
            writer.samples(piece.series, &piece.samples[..taken]);
            left -= taken;
            if let Some(first_left) = piece.samples.get(taken) {
                let next = Place { series: piece.series, from: first_left.observed_at }.text();
                writer.end(Some(&next));
                return Ok((writer.take(), Some(next)));
            }
        }
        writer.end(None);
        Ok((writer.take(), None))
    })
    .await
}

fn answer(format: Format, body: Body, next: Option<String>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CACHE_CONTROL, REVALIDATE);
    let link = next.and_then(|next| HeaderValue::from_str(&format!("<?next={next}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        headers.insert(LINK, link);
    }
    response
}
