//! `GET /history`: raw samples of channels, or buckets of the calendar, as JSON, CSV, NDJSON or Parquet.
//!
//! Ranges are half open (`from` <= time < `to`), so that consecutive ones neither overlap nor gap. Raw samples are
//! streamed without an estimate; a question for buckets that would read too much is refused before it is begun.

mod about;
pub mod areas;
mod asked;
pub mod document;
pub mod flow;
mod parquet;
mod source;
mod table;
mod text;

use std::sync::Arc;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use utoipa::IntoParams;

pub use flow::{MANIFEST, ROWS, SHA256};
pub(super) use text::cell;

use super::door::{Allowed, SeeHistory};
use super::problem::{Code, Costly, Missing, Problem, Refused};
use super::query::{Asked, FromParams, Params};
use super::time::When;
use crate::history::{Every, Line, QualityRule, Question};
use crate::model::{Channel, Timestamp};
use asked::Common;
use document::HistoryDocument;
use flow::{Answer, Failure, in_turn};
use source::{Columns, Place, Samples, Source};
use table::{Naming, Series, Table, Writer};

/// What `/history` takes besides.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryAsked {
    /// A channel as STATION/PROPERTY; may be repeated or a list with commas.
    #[param(value_type = Vec<String>, example = "RV-NAMNA-01/water_level")]
    channel: Vec<String>,
    /// Compare each bucket with the one of the same number in the period so much earlier: `-1y`, `-1mo`, `-7d`. The
    /// ends of the period are moved in the calendar of `tz`.
    #[param(value_type = Option<String>, example = "-1y")]
    compare: Option<Every>,
    /// Compare with the period from this time on; goes with `compare_to`.
    #[param(value_type = Option<String>)]
    compare_from: Option<When>,
    /// The end of the period compared with.
    #[param(value_type = Option<String>)]
    compare_to: Option<When>,
    #[param(ignore)]
    common: Common,
}

impl FromParams for HistoryAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let channel = params.many("channel", |text| Ok(text.to_owned()))?;
        if channel.is_empty() {
            return Err(Problem::parameter("channel", "name at least one channel as STATION/PROPERTY"));
        }
        let earlier = |text: &str| {
            let every = text.strip_prefix('-').and_then(|text| text.parse().ok());
            every.ok_or_else(|| format!("{text:?} is not a length of the calendar ago, such as -1y, -1mo or -7d"))
        };
        let asked = Self {
            channel,
            compare: params.one("compare", earlier)?,
            compare_from: params.one("compare_from", When::parse)?,
            compare_to: params.one("compare_to", When::parse)?,
            common: Common::take(params)?,
        };
        let (is_range, is_half) = match (&asked.compare_from, &asked.compare_to) {
            (Some(_), Some(_)) => (true, false),
            (None, None) => (false, false),
            _ => (true, true),
        };
        if is_half {
            return Err(Problem::parameter("compare_from", "compare_from and compare_to go together"));
        }
        if is_range && asked.compare.is_some() {
            return Err(Problem::parameter("compare", "give either `compare` or compare_from and compare_to"));
        }
        if (is_range || asked.compare.is_some()) && asked.common.every.is_none() {
            return Err(Problem::parameter("compare", "buckets are compared: say how long with `every`"));
        }
        Ok(asked)
    }
}

impl HistoryAsked {
    /// The period compared with.
    fn compared(&self, question: &Question) -> Result<Option<Question>, Problem> {
        let tz = &self.common.tz;
        if let Some(by) = self.compare {
            let [from, to] = [question.from, question.to].map(|at| by.before(at, tz.zone()));
            return Ok(Some(question.about(from, to)));
        }
        let (Some(from), Some(to)) = (&self.compare_from, &self.compare_to) else { return Ok(None) };
        let [from, to] = [from, to].map(|at| at.settle(question.now, tz));
        if from > to {
            return Err(Problem::parameter("compare_from", "it lies after `compare_to`"));
        }
        Ok(Some(question.about(from, to)))
    }
}

/// Samples of channels in a range of time, or buckets of them, oldest first, one channel after the other.
///
/// Each bucket tells how many samples count, how many were expected, what part of them that is, the worst quality, and
/// how many were left out. A value is null when no sample says anything. Partial buckets say so. Whether samples or
/// rollups were read (`tier`) changes nothing but rounding. With `TE: trailers` the answer has the header
/// `saola-manifest` (what was asked and from what it is answered) and the trailers `saola-rows` and `saola-sha256`.
#[utoipa::path(get, path = "/api/v1/history", operation_id = "readHistory", tag = "history",
    params(HistoryAsked, Common),
    security(("token" = []), ("session" = [])),
    responses(
        (status = 200, description = "CSV: a header row, then time,value,quality of a sample, or time, the functions \
            asked for, count,expected,completeness,worst_quality,left_out,end,partial of a bucket; with several \
            channels a column channel behind time. NDJSON: one object a line with the same members. Parquet: the same \
            columns, times in UTC.",
            content((HistoryDocument = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"),
                (Vec<u8> = "application/vnd.apache.parquet")),
            headers(
                ("link" = String, description = "rel=\"next\" when a limit was asked for and more follows"),
                ("saola-manifest" = String, description = "With TE: trailers, what was asked and from what it is answered, as JSON"),
            )),
        Refused, Missing, Costly))]
pub async fn read(
    door: Allowed<SeeHistory>,
    uri: Uri,
    headers: HeaderMap,
    Asked(asked): Asked<HistoryAsked>,
) -> Result<Response, Problem> {
    let channels = channels(&door, &asked.channel)?;
    let answer = match asked.common.question(&door)? {
        None => samples(&door, &uri, &asked, &channels)?,
        Some(question) => buckets(&door, &uri, &asked, &channels, question).await?,
    };
    answer.send(&headers).await
}

fn samples(
    door: &Allowed<SeeHistory>,
    uri: &Uri,
    asked: &HistoryAsked,
    channels: &[(String, Channel)],
) -> Result<Answer, Problem> {
    let now = door.parts().clock.now();
    let common = &asked.common;
    let (from, to) = common.range(now, Timestamp::from_micros(i64::MAX))?;
    let place = common.place(from, channels.len())?.unwrap_or(Place::beginning(0, from));
    let quality = common.quality.unwrap_or(QualityRule::All);
    let mut members = vec![("tz", json!(common.tz.name())), ("from", json!(common.tz.show(from).to_string()))];
    // Without an end the answer goes up to the newest sample, whatever comes while it is read.
    if common.to.is_some() {
        members.push(("to", json!(common.tz.show(to).to_string())));
    }
    members.push(("quality", json!(quality.word())));
    let store = door.parts().history.store();
    let told = channels.iter().map(|(_, channel)| {
        let since = store.kept_since(channel.id).samples.filter(|since| *since > from);
        [("tier", json!("raw"))].into_iter().chain(about::kept_since([since], &common.tz)).collect()
    });
    let series = series(channels, told);
    let about = about::manifest(&uri.to_string(), common, &members, "channels", about::series(&series), now);
    let table = table(Columns::table_of_samples(), "samples", series, Vec::new());
    let channels = channels.iter().map(|(_, channel)| channel.id).collect();
    let source = Source::Samples(Samples { channels, from, to, quality, place });
    let to = common.to.as_ref().map(|_| to);
    answer(door, (common, common.settled(uri, from, to)), source, Columns::new(&[], false), table, about)
}

async fn buckets(
    door: &Allowed<SeeHistory>,
    uri: &Uri,
    asked: &HistoryAsked,
    channels: &[(String, Channel)],
    question: Question,
) -> Result<Answer, Problem> {
    let common = &asked.common;
    let compared = asked.compared(&question)?;
    let place = common.place(question.from, channels.len())?;
    let history = Arc::clone(&door.parts().history);
    let lines: Vec<Line> = channels.iter().map(|(name, channel)| history.line(name, channel)).collect();
    let (permitted, questions) = (lines.clone(), (question.clone(), compared.clone()));
    let (own, other) = in_turn(&door.turns(), move || {
        let (own, other) = match &questions {
            (asked, None) => (history.permit(asked, &permitted)?, None),
            (asked, Some(compared)) => {
                let [own, other] = history.permit_both([asked, compared], &permitted)?;
                (own, Some(other.plans))
            }
        };
        Ok::<_, Failure>((own.plans, other))
    })
    .await?;

    let columns = Columns::new(&question.functions, common.functions.is_empty());
    let mut members = about::of_question(&question, &common.tz);
    if let Some(compared) = &compared {
        let [from, to] = [compared.from, compared.to].map(|at| common.tz.show(at).to_string());
        members.push(("compare", json!({ "from": from, "to": to })));
    }
    let told = own.iter().enumerate().map(|(place, own)| {
        let plans = || [own].into_iter().chain(other.as_ref().and_then(|other| other.get(place)));
        let kept = about::kept_since(plans().map(|plan| plan.whole_since), &common.tz);
        [("tier", json!(about::tier(plans())))].into_iter().chain(kept).collect()
    });
    let series = series(channels, told);
    let shape = if compared.is_some() { columns.table_of_pairs() } else { columns.table() };
    let about = about::manifest(&uri.to_string(), common, &members, "channels", about::series(&series), question.now);
    let table = table(shape, "buckets", series, members);
    let settled = common.settled(uri, question.from, Some(question.to));
    let question = Arc::new(question);
    let source = match (compared, other) {
        (Some(compared), Some(other)) => {
            let lines = lines.into_iter().zip(own.into_iter().zip(other).map(|(own, other)| [own, other]));
            Source::pairs([question, Arc::new(compared)], lines.collect(), place)
        }
        _ => Source::buckets(question, lines.into_iter().zip(own).collect(), place),
    };
    answer(door, (common, settled), source, columns, table, about)
}

/// One answer from its parts.
fn answer(
    door: &Allowed<SeeHistory>,
    (common, asked): (&Common, String),
    source: Source,
    columns: Columns,
    table: Table,
    about: String,
) -> Result<Answer, Problem> {
    let writer = Writer::new(common.format, common.bom, common.tz.clone(), table, &about);
    Ok(Answer {
        turns: door.turns(),
        history: Arc::clone(&door.parts().history),
        source,
        columns,
        writer: writer.map_err(Problem::internal)?,
        format: common.format,
        limit: common.limit,
        about,
        asked,
        name: "history",
    })
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

/// The channels as series; `told` is what is said of each besides.
fn series(channels: &[(String, Channel)], told: impl Iterator<Item = Vec<(&'static str, Value)>>) -> Vec<Series> {
    let series = channels.iter().zip(told).map(|((name, channel), told)| {
        let mut members = vec![("channel", json!(name)), ("unit", json!(channel.unit.code()))];
        members.extend(told);
        Series { names: vec![name.clone()], members }
    });
    series.collect()
}

fn table(
    columns: Vec<table::Column>,
    list: &'static str,
    series: Vec<Series>,
    members: Vec<(&'static str, Value)>,
) -> Table {
    Table { names: vec!["channel"], naming: Naming::IfSeveral, columns, series, group: "channels", list, members }
}
