//! `/coverage`: how much of the forest is watched, at a moment and over the years, where nobody looks, and in how many
//! communes smart services work.
//!
//! Every number is of the forest units and communes that the caller may see; a station beyond that watches them all the
//! same. Holes are cut by footprints in sight alone: their edges would show where the others stand. What takes long is done
//! once by `crate::coverage`, on a thread that may block and for as long as somebody waits for it.

mod document;
pub mod footprints;
mod working;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::response::Response;
use geo::MapCoords;
use utoipa::IntoParams;

use document::{
    CoverageDocument, CoverageGroup, CoverageHistory, CoveragePeriod, HoleCollection, HoleFeature, HoleReport,
    HolesLeftOut, ServedCommune, ServicesDocument, TargetEntry, WatchingStations, hectares, share,
};
use working::{Look, Period, Unknown};

use super::door::{Allowed, Need, SeeHistory, SeeMap};
use super::features::Name;
use super::history::flow;
use super::layer_features::MultiPolygon;
use super::moment;
use super::past;
use super::problem::{Code, Costly, Problem, Refused};
use super::query::{Asked, FromParams, Params, limit, word};
use super::sight::Sight;
use super::stations::geo_json;
use super::time::{When, Zone};
use crate::coverage::{Forest, Measured, Target, Unit, Watcher};
use crate::history::{CalendarUnit, Every};
use crate::model::{AreaId, AreaLevel, Timestamp};

/// Periods in one answer: twenty years of months.
const PERIODS_MAX: u64 = 240;
/// Footprints and forest units, over all periods with another set of working stations, that one question measures.
const MEASURED_MAX: usize = 4_000_000;
/// Holes in one answer when `limit` is absent, and at most.
const HOLES_DEFAULT: usize = 200;
const HOLES_MAX: usize = 2_000;

/// How the forest is cut in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Commune,
    Owner,
    ForestType,
}

impl By {
    const ALL: [By; 3] = [By::Commune, By::Owner, By::ForestType];

    fn word(self) -> &'static str {
        match self {
            By::Commune => "commune",
            By::Owner => "owner",
            By::ForestType => "forest_type",
        }
    }

    fn of(self, unit: &Unit) -> Option<String> {
        match self {
            By::Commune => unit.commune.as_ref().map(ToString::to_string),
            By::Owner => unit.owner.clone(),
            By::ForestType => unit.forest_type.map(|kind| kind.word().to_owned()),
        }
    }
}

/// What `/coverage` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CoverageAsked {
    /// As it was then: RFC 3339, a date, `-24h`; now when absent.
    #[param(value_type = Option<String>, example = "-24h")]
    at: Option<When>,
    /// How the forest is cut in parts: commune, owner, forest_type; each when absent.
    #[param(value_type = Option<String>, example = "commune,forest_type")]
    by: Vec<By>,
}

impl FromParams for CoverageAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let at = moment::take(params)?;
        let mut by: Vec<By> = Vec::new();
        for one in params.many("by", |text| word(text, &By::ALL, By::word))? {
            if !by.contains(&one) {
                by.push(one);
            }
        }
        Ok(Self { at, by: if by.is_empty() { By::ALL.to_vec() } else { by } })
    }
}

/// What `/coverage/history` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeriodsAsked {
    /// Length of the periods: months, quarters or years.
    #[param(value_type = Option<String>, example = "1mo", default = "1mo")]
    every: Every,
    /// From this time on; two years ago when absent.
    #[param(value_type = Option<String>, example = "2025-01-01")]
    from: Option<When>,
    /// Up to and without this one; now when absent.
    #[param(value_type = Option<String>, example = "2026-01-01")]
    to: Option<When>,
}

impl FromParams for PeriodsAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let every = |text: &str| match text.parse::<Every>() {
            Ok(every) if every.unit() >= CalendarUnit::Month => Ok(every),
            _ => Err(format!("{text:?} is not a length such as 1mo, 1q or 1y")),
        };
        Ok(Self {
            every: match params.one("every", every)? {
                Some(every) => every,
                None => "1mo".parse().map_err(Problem::internal)?,
            },
            from: params.one("from", When::parse)?,
            to: params.one("to", When::parse)?,
        })
    }
}

/// What `/coverage/holes` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HolesAsked {
    /// As it was then: RFC 3339, a date, `-24h`; now when absent.
    #[param(value_type = Option<String>, example = "-24h")]
    at: Option<When>,
    /// A commune's or the province's code: only forest in it.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// Forest units in the answer, 1 to 2000: those with the largest holes.
    #[param(value_type = Option<usize>, minimum = 1, maximum = 2000, default = 200)]
    limit: usize,
}

impl FromParams for HolesAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            at: moment::take(params)?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            limit: params.one("limit", |text| limit(text, HOLES_MAX))?.unwrap_or(HOLES_DEFAULT),
        })
    }
}

/// Says that somebody has left: dropped with the answer that they waited for.
struct Waits(Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The moment asked for, of which the store has everything by now; `None` is the present.
async fn settled<N: Need>(door: &Allowed<N>, at: Option<&When>) -> Result<Option<Timestamp>, Problem> {
    let moment = moment::exact(at, door.parts().clock.now())?;
    if moment.is_some() {
        past::caught_up(door.parts()).await?;
    }
    Ok(moment)
}

/// Work that blocks, in a line of its own. It is told when nobody waits for it any more.
async fn in_turn<N, T: Send + 'static>(
    door: &Allowed<N>,
    work: impl FnOnce(Arc<AtomicBool>) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let waits = Waits(Arc::default());
    let gone = Arc::clone(&waits.0);
    let turns = Arc::clone(door.parts().coverage.turns());
    flow::in_turn(&turns, move || work(gone)).await
}

/// How much of the forest is watched: the ground inside the footprints of working stations, by commune, owner and forest
/// type, against the targets; and in how many communes smart services work.
///
/// A station works while one of the channels by which it watches is live or late. Ground that several stations watch
/// counts once. Areas are those on the ellipsoid.
#[utoipa::path(get, path = "/api/v1/coverage", operation_id = "readCoverage", tag = "map", params(CoverageAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The coverage", body = CoverageDocument), Refused, Costly))]
pub async fn read(
    door: Allowed<SeeMap>,
    Asked(asked): Asked<CoverageAsked>,
) -> Result<Json<CoverageDocument>, Problem> {
    let past = settled(&door, asked.at.as_ref()).await?;
    let (parts, sight) = (door.parts().clone(), door.sight(&door.parts().state.read().catalogue));
    let work = move |gone| View::new(Look::at(parts, past, gone)?, sight).document(&asked.by);
    in_turn(&door, work).await.map(Json)
}

/// Coverage over months, quarters or years, against the targets.
///
/// A station counts in a period when one of the channels by which it watches handed in enough of its expected samples
/// (`completeness_percent`); where it stood, what it watched and what was forest is taken from the period's last day.
#[utoipa::path(get, path = "/api/v1/coverage/history", operation_id = "readCoverageHistory", tag = "history",
    params(PeriodsAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The periods", body = CoverageHistory), Refused, Costly))]
pub async fn history(
    door: Allowed<SeeHistory>,
    Asked(asked): Asked<PeriodsAsked>,
) -> Result<Json<CoverageHistory>, Problem> {
    let (now, zone) = (door.parts().clock.now(), Zone::default());
    let settle = |when: Option<&When>| when.map(|when| when.settle(now, &zone));
    let to = settle(asked.to.as_ref()).unwrap_or(now).min(now);
    let two_years = std::time::Duration::from_secs(2 * 365 * 86_400);
    let from = settle(asked.from.as_ref()).unwrap_or(now - two_years);
    if from >= to {
        return Err(Problem::parameter("from", "must be before `to`, and before now"));
    }
    let periods = u64::try_from((to.micros() - from.micros()) / asked.every.usual_micros()).unwrap_or(u64::MAX);
    if periods > PERIODS_MAX {
        let why = format!("about {periods} periods, {PERIODS_MAX} at most: ask for years, or a shorter range");
        return Err(Problem::new(Code::TooCostly, why));
    }
    let (parts, sight) = (door.parts().clone(), door.sight(&door.parts().state.read().catalogue));
    let work = move |gone| View::new(Look::at(parts, None, gone)?, sight).periods(asked.every, (from, to));
    in_turn(&door, work).await.map(Json)
}

/// Forest that no working station watches, as GeoJSON: by forest unit, those with the largest holes first.
///
/// Of the stations that the caller may see: what one beyond watches counts as a hole here, and not in `/coverage`.
#[utoipa::path(get, path = "/api/v1/coverage/holes", operation_id = "readCoverageHoles", tag = "map",
    params(HolesAsked), security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The holes", body = HoleCollection, content_type = "application/geo+json"),
        Refused, Costly))]
pub async fn holes(door: Allowed<SeeMap>, Asked(asked): Asked<HolesAsked>) -> Result<Response, Problem> {
    let past = settled(&door, asked.at.as_ref()).await?;
    let catalogue = door.parts().state.read().catalogue.clone();
    let sight = door.sight(&catalogue);
    if let Some(area) = asked.area.as_ref().filter(|area| !sight.reaches(Some(area))) {
        return Err(Problem::parameter("area", format!("there is no area {:?}", area.as_str())));
    }
    let inside = Sight::in_area(&catalogue, asked.area.as_ref())?;
    let parts = door.parts().clone();
    let work = move |gone| {
        let view = View::new(Look::at(parts, past, gone)?, sight);
        view.holes(&inside, asked.limit)
    };
    let holes = in_turn(&door, work).await?;
    Ok(geo_json(&holes))
}

/// What one caller sees at one moment.
struct View {
    look: Look,
    sight: Sight,
    zone: Zone,
}

impl View {
    fn new(look: Look, sight: Sight) -> View {
        View { look, sight, zone: Zone::default() }
    }

    fn forest(&self, at: Timestamp) -> Arc<Forest> {
        let date = self.zone.date(at);
        self.look.parts.coverage.forest(&(self.look.parts.areas)(), date)
    }

    fn measure(&self, forest: &Arc<Forest>, watchers: &[Watcher]) -> Arc<Measured> {
        self.look.parts.coverage.measure(forest, watchers)
    }

    /// The units in sight with their places.
    fn units<'f>(&'f self, forest: &'f Forest) -> impl Iterator<Item = (usize, &'f Unit)> {
        forest.units.iter().enumerate().filter(|(_, unit)| self.sight.reaches(unit.commune.as_ref()))
    }

    /// Square metres of forest and of what is watched of it.
    fn sums(&self, forest: &Forest, measured: &Measured) -> (f64, f64) {
        let add = |(forest, watched): (f64, f64), (place, unit): (usize, &Unit)| {
            (forest + unit.area_m2, watched + measured.watched_m2[place])
        };
        self.units(forest).fold((0.0, 0.0), add)
    }

    /// Those that stood in an area in sight at an instant.
    fn in_sight<'w>(&self, watchers: &'w [Watcher], at: Timestamp) -> Vec<&'w Watcher> {
        let catalogue = &self.look.catalogue;
        let is_in_sight = |watcher: &&Watcher| {
            let station = catalogue.station(watcher.station);
            station.is_some_and(|station| self.sight.reaches(catalogue.place_at(station, at).1))
        };
        watchers.iter().filter(is_in_sight).collect()
    }

    fn document(&self, by: &[By]) -> Result<CoverageDocument, Problem> {
        let forest = self.forest(self.look.moment());
        let working = self.look.watchers_working()?;
        let installed = self.look.watchers_installed(&working);
        self.look.go_on()?;
        let measured = self.measure(&forest, &working);
        let (forest_m2, watched_m2) = self.sums(&forest, &measured);
        let (_, installed_m2) = self.sums(&forest, &self.measure(&forest, &installed));
        let config = self.look.parts.coverage.config();
        let is_share = share(watched_m2, forest_m2);
        let seen = [&installed, &working].map(|watchers| self.in_sight(watchers, self.look.moment()));
        Ok(CoverageDocument {
            at: self.zone.show(self.look.moment()),
            forest_ha: hectares(forest_m2),
            watched_ha: hectares(watched_m2),
            share: is_share,
            installed_ha: hectares(installed_m2),
            installed_share: share(installed_m2, forest_m2),
            stations: WatchingStations { installed: seen[0].len(), working: seen[1].len() },
            units: self.units(&forest).count(),
            invented: self.units(&forest).any(|(_, unit)| unit.invented),
            approximate: is_approximate(seen[1].iter().copied()),
            groups: by.iter().flat_map(|by| self.groups(*by, &forest, &measured)).collect(),
            targets: targets(&config.forest_targets(), is_share),
            services: self.services()?,
        })
    }

    fn groups(&self, by: By, forest: &Forest, measured: &Measured) -> Vec<CoverageGroup> {
        let mut sums: BTreeMap<Option<String>, (f64, f64, usize)> = BTreeMap::new();
        for (place, unit) in self.units(forest) {
            let (forest, watched, units) = sums.entry(by.of(unit)).or_default();
            (*forest, *watched, *units) = (*forest + unit.area_m2, *watched + measured.watched_m2[place], *units + 1);
        }
        let name = |id: &str| match by {
            By::Commune => self.look.catalogue.area(&AreaId::new(id)).map(|area| Name::from(&area.name)),
            By::Owner => Some(Name { vi: id.to_owned(), en: id.to_owned() }),
            By::ForestType => {
                let known = crate::model::ForestType::named(id);
                known.map(|kind| Name::from(&kind.name()))
            }
        };
        let group = |(id, (forest, watched, units)): (Option<String>, (f64, f64, usize))| CoverageGroup {
            by: by.word(),
            name: id.as_deref().and_then(name),
            id,
            forest_ha: hectares(forest),
            watched_ha: hectares(watched),
            share: share(watched, forest),
            units,
        };
        sums.into_iter().map(group).collect()
    }

    fn services(&self) -> Result<ServicesDocument, Problem> {
        let config = self.look.parts.coverage.config();
        let kinds = self.look.kinds_working()?;
        let communes = self.look.catalogue.areas().iter();
        let communes = communes.filter(|area| area.level == AreaLevel::Commune && self.sight.reaches(Some(&area.id)));
        let of_communes: Vec<ServedCommune> = communes
            .map(|area| {
                let mut working: Vec<_> = kinds.get(&area.id).into_iter().flatten().copied().collect();
                working.sort();
                ServedCommune {
                    id: area.id.clone(),
                    name: Name::from(&area.name),
                    served: working.len() >= config.kinds_min,
                    kinds: working.into_iter().map(|kind| kind.word()).collect(),
                }
            })
            .collect();
        let served = of_communes.iter().filter(|commune| commune.served).count();
        let is_share = share(served as f64, of_communes.len() as f64);
        Ok(ServicesDocument {
            kinds_min: config.kinds_min,
            communes: of_communes.len(),
            served,
            share: is_share,
            targets: targets(&config.services_targets(), is_share),
            of_communes,
        })
    }

    fn periods(&self, every: Every, range: (Timestamp, Timestamp)) -> Result<CoverageHistory, Problem> {
        let config = self.look.parts.coverage.config();
        let (found, kept_since) = self.look.watchers_by_period(every, range, self.zone.zone())?;
        self.check_cost(&found)?;
        let (mut periods, mut invented, mut approximate) = (Vec::new(), false, false);
        let promised = config.forest_targets();
        for Period { bucket, last, is_partial, unknown, watchers } in found {
            self.look.go_on()?;
            let forest = self.forest(last);
            let (forest_m2, watched_m2) = self.sums(&forest, &self.measure(&forest, &watchers));
            invented |= self.units(&forest).any(|(_, unit)| unit.invented);
            let seen = self.in_sight(&watchers, last);
            approximate |= is_approximate(seen.iter().copied());
            let year_after = i64::from(bucket.end.to_jiff().to_zoned(self.zone.zone().clone()).year());
            let is_known = unknown.is_none();
            let due = promised.iter().rfind(|target| target.year < year_after);
            periods.push(CoveragePeriod {
                from: self.zone.show(bucket.begin),
                to: self.zone.show(bucket.end),
                partial: is_partial,
                stations: is_known.then_some(seen.len()),
                forest_ha: hectares(forest_m2),
                watched_ha: is_known.then(|| hectares(watched_m2)),
                share: share(watched_m2, forest_m2).filter(|_| is_known),
                target: due.map(|target| target.share),
                unknown: unknown.map(Unknown::word),
            });
        }
        let (every, completeness_percent) = (every.to_string(), config.completeness_percent);
        let kept_since = kept_since.map(|since| self.zone.show(since));
        Ok(CoverageHistory { every, completeness_percent, periods, invented, approximate, kept_since })
    }

    /// Refuses what would be measured for too long: every period with another set of stations than the one before.
    fn check_cost(&self, periods: &[Period]) -> Result<(), Problem> {
        let units = self.forest(self.look.now).units.len();
        let is_new = |place: usize| place == 0 || periods[place].watchers != periods[place - 1].watchers;
        let new = (0..periods.len()).filter(|place| is_new(*place));
        let cost: usize = new.map(|place| periods[place].watchers.len() + units).sum();
        if cost > MEASURED_MAX {
            let why = format!(
                "{cost} footprints and forest units would be measured, {MEASURED_MAX} at most: ask for years, or a \
                 shorter range"
            );
            return Err(Problem::new(Code::TooCostly, why));
        }
        Ok(())
    }

    fn holes(&self, inside: &Sight, limit: usize) -> Result<HoleCollection, Problem> {
        let forest = self.forest(self.look.moment());
        let working = self.look.watchers_working()?;
        let working: Vec<Watcher> = self.in_sight(&working, self.look.moment()).into_iter().cloned().collect();
        let measured = self.measure(&forest, &working);
        let mut units: Vec<(usize, &Unit, f64)> = self
            .units(&forest)
            .filter(|(_, unit)| inside.reaches(unit.commune.as_ref()))
            .map(|(place, unit)| (place, unit, unit.area_m2 - measured.watched_m2[place]))
            // Less than a square metre is what rounding leaves.
            .filter(|(_, _, hole_m2)| *hole_m2 > 1.0)
            .collect();
        units.sort_by(|one, other| other.2.total_cmp(&one.2).then(one.0.cmp(&other.0)));
        let beyond = units.split_off(limit.min(units.len()));
        let feature = |(place, unit, hole_m2): (usize, &Unit, f64)| HoleFeature {
            kind: "Feature",
            id: unit.id.clone(),
            geometry: MultiPolygon::from(&rounded(forest.projection.degrees(&measured.hole(&forest, place)))),
            properties: HoleReport {
                level: unit.level.word(),
                name: Name::from(&unit.name),
                commune: unit.commune.clone(),
                owner: unit.owner.clone(),
                forest_type: unit.forest_type.map(|kind| kind.word()),
                forest_ha: hectares(unit.area_m2),
                hole_ha: hectares(hole_m2),
                invented: unit.invented,
            },
        };
        Ok(HoleCollection {
            kind: "FeatureCollection",
            at: self.zone.show(self.look.moment()),
            features: units.into_iter().map(feature).collect(),
            left_out: HolesLeftOut {
                units: beyond.len(),
                hole_ha: hectares(beyond.iter().map(|(_, _, hole_m2)| hole_m2).sum()),
            },
            approximate: is_approximate(&working),
        })
    }
}

/// To a centimetre on the ground, which is finer than anybody draws.
fn rounded(polygons: geo::MultiPolygon<f64>) -> geo::MultiPolygon<f64> {
    let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
    polygons.map_coords(|at| geo::Coord { x: round(at.x), y: round(at.y) })
}

fn is_approximate<'w>(watchers: impl IntoIterator<Item = &'w Watcher>) -> bool {
    watchers.into_iter().any(|watcher| watcher.footprint.approximate)
}

fn targets(targets: &[Target], is: Option<f64>) -> Vec<TargetEntry> {
    let entry = |target: &Target| {
        let Target { year, share } = *target;
        TargetEntry { year, share, reached: is.map(|is| is >= share) }
    };
    targets.iter().map(entry).collect()
}
