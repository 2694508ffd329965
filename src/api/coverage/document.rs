//! What answers about coverage look like.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::features::Name;
use super::super::layer_features::MultiPolygon;
use super::super::time::Shown;
use crate::model::AreaId;

/// Hectares, to the hundredth.
pub fn hectares(m2: f64) -> f64 {
    (m2 / 100.0).round() / 100.0
}

/// Of a whole, 0 to 1, to the millionth; nothing of nothing.
pub fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole * 1e6).round() / 1e6)
}

/// Part of the forest: of a commune, an owner or a forest type.
#[derive(Serialize, ToSchema)]
pub struct CoverageGroup {
    /// `commune`, `owner` or `forest_type`.
    #[schema(value_type = String, example = "commune")]
    pub by: &'static str,
    /// Code, owner or forest type; null for forest of which nobody has said.
    #[schema(example = "03388")]
    pub id: Option<String>,
    /// What to call it.
    pub name: Option<Name>,
    /// Hectares of forest.
    pub forest_ha: f64,
    /// Hectares of it that working stations watch.
    pub watched_ha: f64,
    /// The watched part, 0 to 1.
    pub share: Option<f64>,
    /// Forest units in it.
    pub units: usize,
}

/// What was promised for the end of a year.
#[derive(Serialize, ToSchema)]
pub struct TargetEntry {
    /// By the end of it.
    pub year: i64,
    /// The part that was promised, 0 to 1.
    pub share: f64,
    /// Whether it is reached at the answer's moment; null when there is nothing to reach.
    pub reached: Option<bool>,
}

/// How many communes have smart services.
#[derive(Serialize, ToSchema)]
pub struct ServicesDocument {
    /// Sorts of stations that must work in a commune for it to count.
    pub kinds_min: usize,
    /// Communes and wards.
    pub communes: usize,
    /// Those in which enough sorts of stations work.
    pub served: usize,
    /// Their part, 0 to 1.
    pub share: Option<f64>,
    /// What was promised, once for districts; counted over communes since these ended on 2025-07-01.
    pub targets: Vec<TargetEntry>,
    /// Each commune with the sorts that work in it.
    pub of_communes: Vec<ServedCommune>,
}

/// A commune and the sorts of stations that work in it.
#[derive(Serialize, ToSchema)]
pub struct ServedCommune {
    /// Its code.
    #[schema(value_type = String, example = "03388")]
    pub id: AreaId,
    /// What to call it.
    pub name: Name,
    /// Sorts of stations that work.
    #[schema(value_type = Vec<String>, example = json!(["air", "rain"]))]
    pub kinds: Vec<&'static str>,
    /// Whether that is enough.
    pub served: bool,
}

/// Stations that watch the forest.
#[derive(Serialize, ToSchema)]
pub struct WatchingStations {
    /// Those in sight with a footprint.
    pub installed: usize,
    /// Those of them that work.
    pub working: usize,
}

/// How much of the forest is watched at a moment.
#[derive(Serialize, ToSchema)]
pub struct CoverageDocument {
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Shown,
    /// Hectares of forest; 0 when no forest unit is declared.
    pub forest_ha: f64,
    /// Hectares of it inside the footprint of a working station.
    pub watched_ha: f64,
    /// The watched part, 0 to 1; null without forest.
    #[schema(example = 0.713)]
    pub share: Option<f64>,
    /// Hectares that would be watched if every station worked.
    pub installed_ha: f64,
    /// Their part, 0 to 1.
    pub installed_share: Option<f64>,
    /// Stations that watch.
    pub stations: WatchingStations,
    /// Forest units.
    pub units: usize,
    /// Whether forest units are among them that were drawn for a demonstration: the numbers say nothing of a real forest.
    pub invented: bool,
    /// Whether footprints are among those of working stations in sight that were estimated, not surveyed.
    pub approximate: bool,
    /// The forest in parts, in the order asked for.
    pub groups: Vec<CoverageGroup>,
    /// What was promised, ascending by year.
    pub targets: Vec<TargetEntry>,
    /// Smart services by commune.
    pub services: ServicesDocument,
}

/// Of a month or a year.
#[derive(Serialize, ToSchema)]
pub struct CoveragePeriod {
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    pub from: Shown,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Shown,
    /// Whether the range that was asked about cuts it, or it is not over.
    pub partial: bool,
    /// Stations that worked; null, as what they watched, where it is not known.
    pub stations: Option<usize>,
    /// Hectares of forest on its last day.
    pub forest_ha: f64,
    /// Hectares of it that they watched; null when that is not known.
    pub watched_ha: Option<f64>,
    /// The watched part, 0 to 1.
    pub share: Option<f64>,
    /// The newest target whose year has ended with the period, 0 to 1.
    pub target: Option<f64>,
    /// Why it is not known what was watched; null when it is. `deleted`: samples that would tell were deleted for their
    /// age, see `kept_since`. `not_begun`: no station that watches had been entered, or had handed in anything since the
    /// beginning of the range; nothing was measured, and 0 would say that it was.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub unknown: Option<&'static str>,
}

/// Coverage over months or years.
#[derive(Serialize, ToSchema)]
pub struct CoverageHistory {
    /// Length of the periods.
    #[schema(example = "1mo")]
    pub every: String,
    /// A station counts in a period of whose expected samples one of its watching channels handed in this part, per cent.
    pub completeness_percent: u32,
    /// Ascending.
    pub periods: Vec<CoveragePeriod>,
    /// Whether invented forest units are among those that count.
    pub invented: bool,
    /// Whether footprints are among those of stations in sight that worked that were estimated, not surveyed.
    pub approximate: bool,
    /// What lies before was deleted for its age at one station at the least; null when nothing asked for was.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub kept_since: Option<Shown>,
}

/// What is left out of an answer.
#[derive(Serialize, ToSchema)]
pub struct HolesLeftOut {
    /// Forest units.
    pub units: usize,
    /// Hectares of holes in them.
    pub hole_ha: f64,
}

/// Forest that nobody watches.
#[derive(Serialize, ToSchema)]
pub struct HoleCollection {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "FeatureCollection")]
    pub kind: &'static str,
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Shown,
    /// Largest first.
    pub features: Vec<HoleFeature>,
    /// Smaller holes beyond the limit.
    pub left_out: HolesLeftOut,
    /// Whether footprints are among those that leave the holes that were estimated, not surveyed.
    pub approximate: bool,
}

/// What of a forest unit nobody watches.
#[derive(Serialize, ToSchema)]
pub struct HoleFeature {
    /// Always `Feature`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "Feature")]
    pub kind: &'static str,
    /// The unit's code.
    #[schema(value_type = String)]
    pub id: AreaId,
    /// The ground.
    pub geometry: MultiPolygon,
    /// Of which unit.
    pub properties: HoleReport,
}

/// The unit of a hole.
#[derive(Serialize, ToSchema)]
pub struct HoleReport {
    /// `forest_compartment`, `forest_subcompartment` or `forest_plot`.
    #[schema(value_type = String, example = "forest_compartment")]
    pub level: &'static str,
    /// Its name.
    pub name: Name,
    /// Its commune's code.
    #[schema(value_type = Option<String>, example = "03388")]
    pub commune: Option<AreaId>,
    /// Who owns or looks after it.
    pub owner: Option<String>,
    /// `special_use`, `protection` or `production`.
    #[schema(value_type = Option<String>, example = "protection")]
    pub forest_type: Option<&'static str>,
    /// Hectares of the unit.
    pub forest_ha: f64,
    /// Hectares of it that nobody watches.
    pub hole_ha: f64,
    /// Whether the unit was drawn for a demonstration.
    pub invented: bool,
}
