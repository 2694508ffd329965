//! The file's text to [`Config`], with every mistake on its line.

use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::{
    About, Cbi, Config, Daily, FireDangerP, Fwi, Gauge, Landslide, LandslideFormula, Rain, RiverAlarm, Service, VnAqi,
    Zone,
};
use crate::document::{Need, Page, Section};
use crate::indices::fire_danger_p::{RainLimits, Scale};
use crate::indices::fwi::{Classes, Constant};
use crate::indices::level_of_service::Shares;
use crate::indices::quantity::{KilometresPerHour, Metres, Millimetres};
use crate::indices::rain::WINDOWS;
use crate::indices::river::Heights;
use crate::indices::vn_aqi::Completeness;
use crate::model::{AreaId, LinkClass, Mistake, StationId, StationKind};

const HOUR: Duration = Duration::from_secs(3_600);
/// Late data beyond this are history: a chain of days is computed anew from there.
const LOOK_BACK_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Reads the file: what is right, and every mistake.
pub fn read(file: &str, text: &str) -> (Config, Vec<Mistake>) {
    let (page, table) = Page::parse(file, text);
    let mut root = page.root(&table);
    let mut config = Config::default();
    if let Some(zone) = root.text("zone", Need::Required) {
        match TimeZone::get(zone) {
            Ok(zone) => config.zone = zone,
            Err(_) => root.mistake("zone", format!("{zone:?} is no time zone such as Asia/Ho_Chi_Minh")),
        }
    }
    config.look_back = span(&mut root, "look_back", (HOUR, LOOK_BACK_MAX), config.look_back);
    // A value that comes later than its channel's link allows would count as late every hour.
    config.grace = span(&mut root, "grace", (Duration::ZERO, LinkClass::Lorawan.grace()), config.grace);
    config.vn_aqi = of(&mut root, "vn_aqi", vn_aqi);
    config.fire_danger_p = of(&mut root, "fire_danger_p", fire_danger_p);
    config.fwi = of(&mut root, "fwi", fwi);
    config.cbi = of(&mut root, "cbi", |section| Some(Cbi { about: about(section)? }));
    config.level_of_service = of(&mut root, "level_of_service", service);
    config.rain = of(&mut root, "rain", rain);
    config.river_alarm = of(&mut root, "river_alarm", river_alarm);
    config.landslide_rain = of(&mut root, "landslide_rain", landslide);
    root.finish();
    (config, page.into_mistakes())
}

fn of<T>(root: &mut Section<'_, '_>, key: &'static str, read: impl Fn(&mut Section<'_, '_>) -> Option<T>) -> Option<T> {
    let mut section = root.section(key, Need::Optional)?;
    let found = read(&mut section);
    section.finish();
    found
}

fn span(
    section: &mut Section<'_, '_>,
    key: &'static str,
    (min, max): (Duration, Duration),
    default: Duration,
) -> Duration {
    let Some(found) = section.span(key, Need::Optional).map(Duration::from) else { return default };
    if !(min..=max).contains(&found) {
        let shown = |span: Duration| crate::model::Span::from(span);
        section.mistake(key, format!("must be {} to {}", shown(min), shown(max)));
    }
    found
}

fn about(section: &mut Section<'_, '_>) -> Option<About> {
    let words = StationKind::ALL.map(|kind| (kind.word(), kind));
    let mut kinds = Vec::new();
    for text in section.texts("kinds") {
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let known = words.map(|(word, _)| word).join(", ");
                section.mistake("kinds", format!("must be some of {known}, not {text:?}"));
            }
        }
    }
    if !section.has("kinds") {
        section.mistake("kinds", "is missing");
    }
    let stations = section.texts("stations").into_iter().map(StationId::new).collect();
    let except = section.texts("except").into_iter().map(StationId::new).collect();
    let source = section.text("source", Need::Required);
    let confirmed = section.flag("confirmed");
    if !section.has("confirmed") {
        section.mistake("confirmed", "is missing: true or false");
    }
    Some(About { kinds, stations, except, source: source?.to_owned(), confirmed: confirmed? })
}

/// A share of what is expected.
fn completeness(section: &mut Section<'_, '_>) -> Completeness {
    let found = section.number("completeness", Need::Optional).unwrap_or(0.75);
    if !(0.0..=1.0).contains(&found) || found == 0.0 {
        section.mistake("completeness", "must be more than 0 and at most 1");
    }
    Completeness(found)
}

/// So many numbers, each greater than the one before (or smaller, when `descending`).
fn ascending<const N: usize>(section: &mut Section<'_, '_>, key: &'static str) -> Option<[f64; N]> {
    section.has(key).then_some(())?;
    let found = section.numbers(key);
    let right =
        <[f64; N]>::try_from(found).ok().filter(|numbers| numbers.is_sorted_by(|a, b| a < b) && numbers[0] >= 0.0);
    if right.is_none() {
        section.mistake(key, format!("must be {N} numbers of 0 or more, each greater than the one before"));
    }
    right
}

fn vn_aqi(section: &mut Section<'_, '_>) -> Option<VnAqi> {
    let (about, completeness) = (about(section), completeness(section));
    Some(VnAqi { about: about?, completeness })
}

fn daily(section: &mut Section<'_, '_>, at: Time) -> Daily {
    let at = match section.text("at", Need::Optional) {
        None => at,
        Some(text) => {
            let found = (text.len() == 5).then(|| format!("{text}:00").parse::<Time>().ok()).flatten();
            if found.is_none() {
                section.mistake("at", format!("must be a time of day such as \"13:00\", not {text:?}"));
            }
            found.unwrap_or(at)
        }
    };
    let within = span(section, "within", (Duration::from_secs(60), 6 * HOUR), HOUR);
    let gap_days = section.number("gap_days", Need::Optional).unwrap_or(3.0);
    if !(0.0..=30.0).contains(&gap_days) || gap_days.fract() != 0.0 {
        section.mistake("gap_days", "must be a whole number of 0 to 30");
    }
    Daily { at, within, completeness: completeness(section), gap_days: gap_days as u8 }
}

/// `rain_limits`: one number, or twelve of a year; millimetres, more than 0.
fn rain_limits(section: &mut Section<'_, '_>) -> Option<RainLimits> {
    let found = section.numbers("rain_limits");
    let right = <[f64; 12]>::try_from(found).ok().filter(|limits| limits.iter().all(|limit| *limit > 0.0));
    if right.is_none() && section.has("rain_limits") {
        section.mistake("rain_limits", "must be 12 numbers of more than 0, for January to December");
    }
    Some(RainLimits(right?.map(Millimetres)))
}

fn fire_danger_p(section: &mut Section<'_, '_>) -> Option<FireDangerP> {
    let about = about(section);
    let daily = daily(section, Time::constant(13, 0, 0, 0));
    let scale = ascending::<4>(section, "scale").map_or(Scale::B, Scale);
    let rain_limits = rain_limits(section).unwrap_or(RainLimits::all_year(Millimetres(5.0)));
    let mut zones = Vec::new();
    for mut zone in section.sections("zone", Need::Optional) {
        let name = zone.text("name", Need::Required).unwrap_or_default().to_owned();
        let areas = zone.texts("areas").into_iter().map(AreaId::new).collect();
        let scale = ascending::<4>(&mut zone, "scale").map_or(scale, Scale);
        let rain_limits = self::rain_limits(&mut zone).unwrap_or(rain_limits);
        zone.finish();
        zones.push(Zone { name, areas, scale, rain_limits });
    }
    Some(FireDangerP { about: about?, daily, scale, rain_limits, zones })
}

fn fwi(section: &mut Section<'_, '_>) -> Option<Fwi> {
    let about = about(section);
    let daily = daily(section, Time::constant(12, 0, 0, 0));
    let constants = [("147.2", Constant::REPORT), ("147.27723", Constant::CFFDRS)];
    let constant = section.word("constant", Need::Optional, &constants).unwrap_or(Constant::REPORT);
    let classes = ascending::<5>(section, "classes").map_or(Classes::EFFIS, Classes);
    Some(Fwi { about: about?, daily, constant, classes })
}

/// A speed of more than 0.
fn speed(section: &mut Section<'_, '_>, key: &'static str, need: Need) -> Option<KilometresPerHour> {
    let found = section.number(key, need)?;
    if found <= 0.0 || found > 200.0 {
        section.mistake(key, "must be more than 0 and at most 200 km/h");
        return None;
    }
    Some(KilometresPerHour(found))
}

fn service(section: &mut Section<'_, '_>) -> Option<Service> {
    let about = about(section);
    let mut shares = Shares::default();
    if section.has("shares") {
        let found = section.numbers("shares");
        let right = <[f64; 5]>::try_from(found).ok();
        let right = right.filter(|found| found.is_sorted_by(|a, b| a > b) && found[0] <= 100.0 && found[4] > 0.0);
        match right {
            Some(right) => shares = Shares(right),
            None => section.mistake("shares", "must be 5 numbers under 100, each smaller than the one before"),
        }
    }
    let free_flow = speed(section, "free_flow", Need::Optional);
    let mut stations = Vec::new();
    for mut station in section.sections("station", Need::Optional) {
        let id = station.text("id", Need::Required).map(StationId::new);
        stations.extend(id.zip(speed(&mut station, "free_flow", Need::Required)));
        station.finish();
    }
    Some(Service { about: about?, shares, free_flow, stations })
}

fn rain(section: &mut Section<'_, '_>) -> Option<Rain> {
    let (about, completeness) = (about(section), completeness(section));
    let mut hours = WINDOWS.map(|(hours, _)| hours).to_vec();
    if section.has("hours") {
        let found = section.numbers("hours");
        let known = |number: &f64| WINDOWS.iter().find(|(hours, _)| *hours as f64 == *number).map(|(hours, _)| *hours);
        match found.iter().map(known).collect::<Option<Vec<u64>>>().filter(|found| !found.is_empty()) {
            Some(found) => hours = found,
            None => section.mistake("hours", "must be some of 1, 3, 6, 12, 24, 72"),
        }
    }
    Some(Rain { about: about?, hours, completeness })
}

fn river_alarm(section: &mut Section<'_, '_>) -> Option<RiverAlarm> {
    let about = about(section);
    let steady = section.number("steady", Need::Optional).unwrap_or(0.02);
    if steady < 0.0 {
        section.mistake("steady", "must be 0 or more metres");
    }
    let mut gauges: Vec<Gauge> = Vec::new();
    for mut station in section.sections("station", Need::Optional) {
        let gauge = gauge(&mut station);
        if let Some(gauge) = &gauge
            && gauges.iter().any(|known| known.station == gauge.station)
        {
            station.mistake("id", format!("{} has its stages already", gauge.station));
        }
        station.finish();
        gauges.extend(gauge);
    }
    Some(RiverAlarm { about: about?, steady: Metres(steady), gauges })
}

fn gauge(section: &mut Section<'_, '_>) -> Option<Gauge> {
    let id = section.text("id", Need::Required).map(StationId::new);
    let stages = ascending::<3>(section, "stages");
    if !section.has("stages") {
        section.mistake("stages", "is missing: BĐ1, BĐ2 and BĐ3 in metres");
    }
    let hysteresis = section.number("hysteresis", Need::Optional).unwrap_or(0.3);
    if hysteresis <= 0.0 {
        section.mistake("hysteresis", "must be more than 0 metres");
    }
    let datum = section.text("datum", Need::Required);
    let confirmed = section.flag("confirmed");
    if !section.has("confirmed") {
        section.mistake("confirmed", "is missing: true or false");
    }
    let heights = Heights { stages: stages?.map(Metres), hysteresis: Metres(hysteresis) };
    Some(Gauge { station: id?, heights, datum: datum?.to_owned(), confirmed: confirmed? })
}

fn landslide(section: &mut Section<'_, '_>) -> Option<Landslide> {
    let (about, completeness) = (about(section), completeness(section));
    let formulas = [("do_and_yin", LandslideFormula::DoAndYin), ("caine", LandslideFormula::Caine)];
    let formula = section.word("formula", Need::Required, &formulas);
    Some(Landslide { about: about?, formula: formula?, completeness })
}
