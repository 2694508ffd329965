//! `/prometheus/api/v1/…`: what was observed as Prometheus's HTTP interface tells it, for Grafana's core data source.
//!
//! [`crate::promql`] says what is answered and how it differs from Prometheus. Errors of queries have Prometheus's own
//! shape; who may not ask at all is told so by a problem document, as everywhere. Invariants: a query sees the series in
//! the caller's areas alone; few run at a time, the others wait in line; whoever leaves ends theirs.
//!
//! Parameters that nobody here knows are left alone, as Prometheus does: its clients add some of their own. The one that
//! would change an answer (`lookback_delta`) is refused.

mod answer;
mod asked;
mod lists;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Json;
use axum::response::Response;
use utoipa::{IntoParams, ToSchema};

pub use answer::{Failed, Success};
pub use lists::*;

use super::door::{Allowed, SeeHistory};
use super::trial::Stop;
use crate::model::{Catalogue, Channel, Freshness, Station, fresh_for};
use crate::promql::{self, Answer, Instants, Labels, Limits, NAME, PromqlError, Series, World};
use answer::Unanswered;
use asked::Fields;

/// The documented parameters of a query at one instant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description of what `Fields` takes")]
pub struct InstantAsked {
    /// The query.
    #[param(value_type = String, example = "avg by (area) (avg_over_time(pm2_5[1h]))")]
    query: String,
    /// When: RFC 3339, or seconds since 1970. Default: now.
    #[param(value_type = Option<String>, example = "2026-11-21T10:15:00+07:00")]
    time: Option<String>,
}

/// The documented parameters of a query at many instants.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description of what `Fields` takes")]
pub struct RangeAsked {
    /// The query.
    #[param(value_type = String, example = "water_level{area=\"03388\"}")]
    query: String,
    /// The first instant: RFC 3339, or seconds since 1970.
    #[param(value_type = String, example = "1795144500")]
    start: String,
    /// The last instant at most.
    #[param(value_type = String, example = "1795230900")]
    end: String,
    /// From one instant to the next: seconds, or a length such as 5m. At most 11,000 instants.
    #[param(value_type = String, example = "300")]
    step: String,
}

/// The same, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the description of a form")]
pub struct Form {
    /// The query.
    query: Option<String>,
    /// When, of one instant.
    time: Option<String>,
    /// The first instant.
    start: Option<String>,
    /// The last instant at most.
    end: Option<String>,
    /// From one instant to the next.
    step: Option<String>,
    /// Selectors of series; may be repeated.
    #[schema(rename = "match[]")]
    matches: Option<Vec<String>>,
}

/// A query at one instant, as Prometheus answers it.
///
/// The metric's name is the property. Only good samples count, unless the selector says `__quality__="all"`; a value
/// counts as present for two intervals of its channel and the grace of its link.
#[utoipa::path(get, path = "/prometheus/api/v1/query", operation_id = "promQuery", tag = "history", params(InstantAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The values", body = Success), Failed))]
pub async fn query(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    at_one_instant(door, fields).await
}

/// The same with the parameters as a form, as Grafana sends them.
#[utoipa::path(post, path = "/prometheus/api/v1/query", operation_id = "promQueryByForm", tag = "history",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The values", body = Success), Failed))]
pub async fn query_by_form(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    at_one_instant(door, fields).await
}

/// A query at many instants, as Prometheus answers it.
#[utoipa::path(get, path = "/prometheus/api/v1/query_range", operation_id = "promQueryRange", tag = "history",
    params(RangeAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The values", body = Success), Failed))]
pub async fn query_range(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    at_many_instants(door, fields).await
}

/// The same with the parameters as a form, as Grafana sends them.
#[utoipa::path(post, path = "/prometheus/api/v1/query_range", operation_id = "promQueryRangeByForm", tag = "history",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The values", body = Success), Failed))]
pub async fn query_range_by_form(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    at_many_instants(door, fields).await
}

async fn at_one_instant(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    fields.refuse_look_back()?;
    let query = fields.needed("query")?.to_owned();
    let at = fields.time("time")?.unwrap_or_else(|| door.parts().clock.now());
    let instants = Instants::one(at);
    let answer = evaluate(door, query, instants).await?;
    Ok(answer::at_one(answer, at))
}

async fn at_many_instants(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    fields.refuse_look_back()?;
    let query = fields.needed("query")?.to_owned();
    let (start, end) = (fields.needed_time("start")?, fields.needed_time("end")?);
    let instants = Instants::range(start, end, fields.step()?)?;
    let answer = evaluate(door, query, instants).await?;
    answer::at_many(answer, &instants).map_err(Unanswered::from)
}

/// Reads and answers on a blocking thread: reading a hostile query takes a while, too.
async fn evaluate(door: Allowed<SeeHistory>, query: String, instants: Instants) -> Result<Answer, Unanswered> {
    let turn = door.query_turns().acquire_owned().await.map_err(Unanswered::internal)?;
    let history = Arc::clone(&door.parts().history);
    let given_up = Arc::new(AtomicBool::new(false));
    let waiting = Stop(Arc::clone(&given_up));
    let work = move || {
        let _turn = turn;
        let expr = promql::read(&query)?;
        let series = series(&door);
        let limits = Limits { samples_max: history.samples_max() };
        let world = World { store: history.store(), series: &series, limits, given_up: &given_up };
        promql::evaluate(&world, &expr, instants)
    };
    let answer = tokio::task::spawn_blocking(work).await.map_err(Unanswered::internal)?;
    drop(waiting);
    answer.map_err(Unanswered::from)
}

/// The series in the caller's sight, by station.
fn series(door: &Allowed<SeeHistory>) -> Vec<Series> {
    let state = door.parts().state.read();
    let catalogue = Arc::clone(&state.catalogue);
    drop(state);
    let sight = door.sight(&catalogue);
    let seen = catalogue.stations().iter().filter(|station| sight.reaches_station(station));
    seen.flat_map(|station| of_station(&catalogue, station)).collect()
}

fn of_station<'c>(catalogue: &'c Catalogue, station: &'c Station) -> impl Iterator<Item = Series> + 'c {
    let area = station.area.as_ref().and_then(|area| catalogue.area(area));
    let of_all: Vec<(Arc<str>, Arc<str>)> = [
        ("station", station.id.as_str()),
        ("station_name", station.name.vi.as_str()),
        ("kind", station.kind.word()),
        ("area", area.map_or("", |area| area.id.as_str())),
        ("area_name", area.map_or("", |area| area.name.vi.as_str())),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
    .collect();
    station.channels.iter().filter_map(|id| catalogue.channel(*id)).map(move |channel| {
        let derived = if catalogue.is_derived(channel.id) { "true" } else { "" };
        let own: [(Arc<str>, Arc<str>); 3] = [
            (NAME.into(), channel.property.as_str().into()),
            ("unit".into(), channel.unit.code().into()),
            ("derived".into(), derived.into()),
        ];
        let labels = Labels::of(of_all.iter().cloned().chain(own));
        Series { channel: channel.id, labels, interval: channel.interval, present_for: present_for(channel) }
    })
}

/// Up to the end of [`Freshness::Late`].
fn present_for(channel: &Channel) -> Duration {
    fresh_for(channel, Freshness::Late).unwrap_or(channel.interval)
}
