//! `GET /overview`: how many stations there are and how they stand, for pages that cannot hold them all.
//!
//! One pass over the picture of now, with no lock held; a few milliseconds for 100,000 stations. Pages ask for it all the
//! time, so it is done as tiles are drawn: in line, apart from what answers everybody.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::atlas;
use super::choice::Choice;
use super::door::{Allowed, SeeMap};
use super::features::Name;
use super::headers::REVALIDATE;
use super::problem::{Problem, Refused};
use super::query::Asked;
use super::time::{Shown, Zone};
use crate::layers::{Layer, Picture, Sight};
use crate::model::{AreaId, Freshness, Severity, StationKind};

/// How many stations there are, and how they stand.
#[derive(Serialize, ToSchema)]
pub struct Overview {
    /// The moment that is counted.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// Another number when any station would be drawn differently.
    revision: u64,
    /// All in the caller's sight, retired ones left out; the counts below add up to it, whatever is chosen.
    stations: u64,
    /// Those of them that the parameters choose.
    chosen: u64,
    /// By freshness; every one is there.
    #[schema(value_type = BTreeMap<String, u64>)]
    freshness: BTreeMap<&'static str, u64>,
    /// By kind; those that there are.
    #[schema(value_type = BTreeMap<String, u64>)]
    kinds: BTreeMap<&'static str, u64>,
    /// By the worst of their open alerts; stations without one are in none.
    #[schema(value_type = BTreeMap<String, u64>)]
    severities: BTreeMap<&'static str, u64>,
    /// The areas that stations stand in, by code; what stands in no known area is in none.
    areas: Vec<AreaCount>,
}

/// The stations of an area.
#[derive(Serialize, ToSchema)]
pub struct AreaCount {
    /// Its code.
    #[schema(value_type = String, example = "03388")]
    id: AreaId,
    /// Its name.
    name: Name,
    /// How many.
    stations: u64,
}

/// How many stations there are by freshness, kind, worst open severity and area, and how many of them are chosen.
#[utoipa::path(get, path = "/api/v1/overview", operation_id = "readOverview", tag = "map", params(Choice),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The counts", body = Overview), Refused))]
pub async fn read(door: Allowed<SeeMap>, Asked(choice): Asked<Choice>) -> Result<Response, Problem> {
    let (picture, _) = door.picture(Layer::Stations, None).await?;
    let sight = atlas::seen(&door, &picture, None);
    let chosen = choice.within(&picture, sight.clone(), None)?;
    let counted = door.atlas().in_turn(move || count(&picture, &sight, (&chosen, &choice))).await?;
    let mut response = Json(counted).into_response();
    response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
    Ok(response)
}

fn count(picture: &Picture, sight: &Sight, (area, choice): (&Sight, &Choice)) -> Overview {
    let wish = choice.wish();
    let (mut stations, mut chosen) = (0, 0);
    let (mut freshness, mut kinds, mut severities) = ([0; 5], [0; 7], [0; 5]);
    let mut areas = vec![0; picture.catalogue.areas().len()];
    for (_, _, pin) in picture.pins(0..picture.len()).filter(|(_, _, pin)| sight.reaches(pin.area)) {
        stations += 1;
        chosen += u64::from(area.reaches(pin.area) && wish.admits(pin));
        freshness[pin.freshness as usize] += 1;
        kinds[pin.kind as usize] += 1;
        if let Some(severity) = pin.severity {
            severities[severity as usize] += 1;
        }
        if let Some(count) = areas.get_mut(pin.area as usize) {
            *count += 1;
        }
    }
    let some = |counts: BTreeMap<&'static str, u64>| counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let areas = picture.catalogue.areas().iter().zip(areas).filter(|(_, count)| *count > 0);
    let areas = areas.map(|(area, stations)| AreaCount { id: area.id.clone(), name: Name::from(&area.name), stations });
    Overview {
        at: Zone::default().show(picture.at),
        revision: picture.stations_revision(),
        stations,
        chosen,
        freshness: Freshness::ALL.map(Freshness::word).into_iter().zip(freshness).collect(),
        kinds: some(StationKind::ALL.map(StationKind::word).into_iter().zip(kinds).collect()),
        severities: some(Severity::ALL.map(Severity::word).into_iter().zip(severities).collect()),
        areas: areas.collect(),
    }
}
