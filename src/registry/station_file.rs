//! `stations/*.toml`: what stands where and observes what.
//!
//! ```toml
//! [[station]]
//! id = "TR-QL4D-01"            # also the MQTT topic's segment
//! kind = "traffic"
//! name = { vi = "…", en = "…" }
//! lon = 103.47                 # WGS 84, degrees
//! lat = 22.39
//! link = "cellular"            # optional: wired | cellular | lorawan, for its channels
//! area = "03388"               # optional: else found from the position
//! maintenance = true           # optional
//! awake = "solar"              # optional, as in policy_file.rs: when its devices are awake
//! segment = [[103.4, 22.5], [103.5, 22.6]]   # optional: the stretch of road that a traffic station stands for
//! footprint = { shape = "circle", radius_m = 3000, approximate = true }   # optional, as in footprint.rs
//!
//! [[station.channel]]
//! property = "vehicle_flow"
//! unit = "/h"                  # UCUM
//! interval = "60s"             # expected time between samples, up to 31d
//! min = 0                      # values outside min..max are refused
//! max = 6000
//! link = "wired"               # optional: else the station's
//! checks = { stuck = false }   # optional, as in policy_file.rs: what differs from quality.toml
//! awake = "solar"              # optional: else the station's
//! ```

use crate::document::{Need, Page, Section};
use crate::model::{
    AreaId, Footprint, LinkClass, LocalName, Mistake, Position, Property, Range, StationId, StationKind, Unit,
};

use super::field;
use super::footprint::read_footprint;
use super::policy_file::{self, ChannelPolicy, StationPolicy};

/// A station as a file or a program declares it: no number yet.
#[derive(Clone, Debug, PartialEq)]
pub struct StationDeclaration {
    /// Name in topics and addresses.
    pub id: StationId,
    /// What it is for.
    pub kind: StationKind,
    /// Name on the map.
    pub name: LocalName,
    /// Where it stands.
    pub position: Position,
    /// Its area; `None` when it is to be found from the position.
    pub area: Option<AreaId>,
    /// Whether it is under maintenance.
    pub maintenance: bool,
    /// The ground that it watches; `None` when nobody has said.
    pub footprint: Option<Footprint>,
    /// What it observes, at least one thing.
    pub channels: Vec<ChannelDeclaration>,
}

/// A channel as a file or a program declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelDeclaration {
    /// What is observed; unique within the station.
    pub property: Property,
    /// Unit of its values.
    pub unit: Unit,
    /// Expected time between samples, more than nothing, up to 31 days.
    pub interval: std::time::Duration,
    /// Values outside are refused.
    pub plausible: Range,
    /// How it is connected.
    pub link: LinkClass,
}

/// A station with the place where it was declared.
#[derive(Clone, Debug)]
pub(super) struct DeclaredStation {
    pub file: String,
    pub line: usize,
    pub station: StationDeclaration,
    /// What its file says beside what the registry keeps.
    pub policy: StationPolicy,
}

/// The words for links; the database uses them too.
pub(super) const LINKS: [(&str, LinkClass); 3] =
    [("wired", LinkClass::Wired), ("cellular", LinkClass::Cellular), ("lorawan", LinkClass::Lorawan)];

/// Reads one file: every station without a mistake, and every mistake.
pub(super) fn read(file: &str, text: &str) -> (Vec<DeclaredStation>, Vec<Mistake>) {
    let (page, table) = Page::parse(file, text);
    let mut root = page.root(&table);
    let mut stations = Vec::new();
    for section in root.sections("station", Need::Optional) {
        let line = section.line();
        if let Some((station, policy)) = station(section) {
            stations.push(DeclaredStation { file: file.to_owned(), line, station, policy });
        }
    }
    root.finish();
    (stations, page.into_mistakes())
}

fn station(mut section: Section<'_, '_>) -> Option<(StationDeclaration, StationPolicy)> {
    let id = checked(&mut section, "id", field::station_id);
    let kind = section.word("kind", Need::Required, &StationKind::ALL.map(|kind| (kind.word(), kind)));
    let name = section.local_name("name", Need::Required);
    let position = position(&mut section);
    let area = match section.text("area", Need::Optional) {
        None => None,
        Some(code) => field::area_code(code).map_err(|message| section.mistake("area", message)).ok(),
    };
    let maintenance = section.flag("maintenance").unwrap_or(false);
    let footprint = footprint(&mut section);
    let link = section.word("link", Need::Optional, &LINKS).unwrap_or_default();
    let mut policy = StationPolicy { awake: policy_file::awake(&mut section), ..StationPolicy::default() };
    policy.segment = segment(&mut section);
    let sections = section.sections("channel", Need::Required);
    let counts = 1..=super::CHANNELS_PER_STATION_MAX;
    if section.has("channel") && !counts.contains(&sections.len()) {
        section.mistake("channel", format!("must have at least one and at most {} entries", counts.end()));
    }
    let mut channels: Vec<ChannelDeclaration> = Vec::with_capacity(sections.len());
    let mut whole = true;
    for mut section in sections {
        let declared = channel(&mut section, link);
        policy.channels.extend(channel_policy(&mut section, declared.as_ref()));
        if let Some(first) = declared.as_ref().filter(|new| channels.iter().any(|old| old.property == new.property)) {
            section.mistake("property", format!("the station has {} already", first.property));
        }
        whole &= declared.is_some();
        channels.extend(declared);
        section.finish();
    }
    section.finish();
    let station = StationDeclaration {
        id: id?,
        kind: kind?,
        name: name?,
        position: position?,
        area,
        maintenance,
        footprint,
        channels,
    };
    whole.then_some((station, policy))
}

fn footprint(section: &mut Section<'_, '_>) -> Option<Footprint> {
    let value = section.json("footprint")?;
    let refuse = |wrong: Vec<(&'static str, String)>| {
        for (name, message) in wrong {
            let message = if name.is_empty() { message } else { format!("{name} {message}") };
            section.mistake("footprint", message);
        }
    };
    read_footprint(&value).map_err(refuse).ok()
}

fn channel_policy(section: &mut Section<'_, '_>, declared: Option<&ChannelDeclaration>) -> Option<ChannelPolicy> {
    // The keys of a channel that is wrong otherwise are looked at all the same: every mistake in one run.
    let nobody = (Property::new("unknown"), Unit::One);
    let (property, unit) = declared.map_or(nobody, |channel| (channel.property.clone(), channel.unit));
    policy_file::of_channel(section, &property, unit)
}

fn channel(section: &mut Section<'_, '_>, link: LinkClass) -> Option<ChannelDeclaration> {
    let property = checked(section, "property", field::property);
    let unit = checked(section, "unit", |code| {
        let unknown = || format!("{:?} is not a unit known here: use a UCUM code such as {}", code, known_units());
        Unit::parse(code).ok_or_else(unknown)
    });
    let interval = section.span("interval", Need::Required).map(std::time::Duration::from);
    let interval = interval.and_then(|interval| {
        field::interval(interval).map_err(|message| section.mistake("interval", message)).ok()?;
        Some(interval)
    });
    let (min, max) = (section.number("min", Need::Required), section.number("max", Need::Required));
    let plausible = min.zip(max).and_then(|(min, max)| {
        let range = Range { min, max };
        field::range(range).map_err(|message| section.mistake("min", message)).ok()?;
        Some(range)
    });
    let link = section.word("link", Need::Optional, &LINKS).unwrap_or(link);
    Some(ChannelDeclaration { property: property?, unit: unit?, interval: interval?, plausible: plausible?, link })
}

/// A required text that a check turns into something.
fn checked<T>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    check: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let text = section.text(key, Need::Required)?;
    check(text).map_err(|message| section.mistake(key, message)).ok()
}

fn position(section: &mut Section<'_, '_>) -> Option<Position> {
    let (lon, lat) = (section.number("lon", Need::Required), section.number("lat", Need::Required));
    let east = lon.map(|lon| field::longitude(lon).map_err(|message| section.mistake("lon", message)));
    let north = lat.map(|lat| field::latitude(lat, lon).map_err(|message| section.mistake("lat", message)));
    east?.ok().and(north?.ok())?;
    Some(Position { lon: lon?, lat: lat? })
}

/// Points of one stretch of road at most.
const SEGMENT_POINTS_MAX: usize = 500;

/// The stretch of road: two points and more, each a place on the map.
fn segment(section: &mut Section<'_, '_>) -> Vec<Position> {
    let points = section.points("segment");
    if points.is_empty() {
        return Vec::new();
    }
    if !(2..=SEGMENT_POINTS_MAX).contains(&points.len()) {
        section.mistake("segment", format!("must have 2 to {SEGMENT_POINTS_MAX} points"));
        return Vec::new();
    }
    let points: Vec<Position> = points.into_iter().map(|[lon, lat]| Position { lon, lat }).collect();
    if let Some((_, message)) = points.iter().find_map(|at| field::position(*at).err()) {
        section.mistake("segment", message);
        return Vec::new();
    }
    points
}

fn known_units() -> String {
    let codes: Vec<&str> = Unit::ALL.iter().map(|unit| unit.code()).collect();
    codes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let (_, mistakes) = read("a.toml", text);
        let found: Vec<String> = mistakes.iter().map(|m| format!("{} {}: {}", m.line, m.key, m.message)).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }

    #[test]
    fn a_channel_takes_the_stations_link_unless_it_has_its_own() {
        let text = include_str!("../../tests/fixtures/seeds/stations/small.toml");
        let (stations, mistakes) = read("small.toml", text);
        assert_eq!(mistakes, []);
        let links: Vec<LinkClass> = stations[0].station.channels.iter().map(|channel| channel.link).collect();
        assert_eq!(links, [LinkClass::Cellular, LinkClass::Wired]);
        assert_eq!((stations[1].line, stations[1].station.id.as_str()), (26, "TR-QL4D-01"));
    }

    #[test]
    fn every_mistake_of_every_station_is_on_its_line() {
        check(
            r#"
[[station]]
id = "a/b"
kind = "sea"
name = { vi = "A", en = "A", fr = "A" }
lon = 200
lat = 103.4
area = "đ"
colour = "red"
footprint = { shape = "circle", radius_m = -1 }

[[station.channel]]
property = "PM10"
unit = "µg/m³"
interval = "0s"
min = 3
max = 2
link = "pigeon"

[[station.channel]]
property = "time"
unit = "mm"
interval = "32d"
min = "low"

[[station]]
id = "B"
kind = "rain"
name = "B"
lon = 22.4
lat = 103.4
channel = []
[[stations]]
"#,
            &[
                "3 station[0].id: \"a/b\" is not a station's name",
                "4 station[0].kind: must be one of traffic, air",
                "5 station[0].name.fr: unknown key",
                "6 station[0].lon: must lie between -180 and 180",
                "7 station[0].lat: must lie between -90 and 90",
                "8 station[0].area: \"đ\" is not an area's code",
                "9 station[0].colour: unknown key; known here: area, awake, channel, footprint, id",
                "10 station[0].footprint: radius_m must be metres",
                "13 station[0].channel[0].property: \"PM10\" is not a property's name",
                "14 station[0].channel[0].unit: \"µg/m³\" is not a unit known here",
                "15 station[0].channel[0].interval: must be longer than 0s",
                "16 station[0].channel[0].min: must be at most max",
                "18 station[0].channel[0].link: must be one of wired",
                "20 station[0].channel[1].max: is missing",
                "21 station[0].channel[1].property: \"time\" cannot be",
                "23 station[0].channel[1].interval: must be longer than 0s and at most 31d",
                "24 station[0].channel[1].min: must be a number",
                "29 station[1].name: must be a table, not \"B\"",
                "31 station[1].lat: must lie between -90 and 90 degrees, not 103.4 (are lon and lat swapped?)",
                "32 station[1].channel: must have at least one",
                "33 stations: unknown key; known here: station",
            ],
        );
    }

    #[test]
    fn a_stretch_of_road_has_two_points_and_more() {
        let with = |segment: &str| {
            let text = include_str!("../../tests/fixtures/seeds/stations/small.toml");
            text.replacen("[[station.channel]]", &format!("segment = {segment}\n[[station.channel]]"), 1)
        };
        let (stations, mistakes) = read("a.toml", &with("[[103.4, 22.5], [103, 22.25]]"));
        assert_eq!(mistakes, []);
        let [first, last] = [(103.4, 22.5), (103.0, 22.25)].map(|(lon, lat)| Position { lon, lat });
        assert_eq!(stations[0].policy.segment, [first, last]);
        for bad in ["[[103.4, 22.5]]", "[[103.4, 22.5], [22.5]]", "[103.4, 22.5]", "[[22.5, 103.4], [22, 103]]", "3"] {
            let (_, mistakes) = read("a.toml", &with(bad));
            assert!(mistakes.len() == 1 && mistakes[0].key.ends_with("segment"), "{bad}: {mistakes:?}");
        }
    }

    #[test]
    fn a_property_stands_once_in_a_station() {
        let text = include_str!("../../tests/fixtures/seeds/stations/small.toml").replace("pm10", "pm2_5");
        check(&text, &["19 station[0].channel[1].property: the station has pm2_5 already"]);
    }
}
