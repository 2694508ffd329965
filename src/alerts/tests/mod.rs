//! The engine, table by table: a series in, transitions out.

mod conditions;
mod data;
mod edits;
mod flapping;
mod latched;
mod levels;
mod lists;
mod properties;
mod retrospect;
mod silence;

use std::time::Duration;

use super::*;
use crate::model::{
    AlertState, Area, AreaId, AreaLevel, Channel, LinkClass, LocalName, Policy, Position, Property, Quality, Range,
    RuleFile, Sample, SourceId, Station, StationId, StationKind, TimeClass, Transition, Unit,
};

fn name(text: &str) -> LocalName {
    LocalName { vi: text.into(), en: text.into() }
}

/// Stations with one channel each, every 60 s over wire: live for 70 s, silent after 310 s.
fn catalogue_of(stations: &[(&str, StationKind, &str, Unit)]) -> Catalogue {
    let areas = vec![
        Area { id: AreaId::new("12"), level: AreaLevel::Province, name: name("Lai Châu"), parent: None },
        Area {
            id: AreaId::new("03388"),
            level: AreaLevel::Commune,
            name: name("Tân Phong"),
            parent: Some("12".into()),
        },
    ];
    let numbered = || stations.iter().zip(0u32..);
    let channel = |(row, no): (&(&str, StationKind, &str, Unit), u32)| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new(row.2),
        unit: row.3,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = |(row, no): (&(&str, StationKind, &str, Unit), u32)| Station {
        no: StationNo(no),
        id: StationId::new(row.0),
        kind: row.1,
        name: name(row.0),
        position: Position { lon: 103.5, lat: 22.4 },
        area: (no == 0).then(|| "03388".into()),
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(no)],
    };
    Catalogue::new(vec![], areas, numbered().map(station).collect(), numbered().map(channel).collect()).unwrap()
}

pub(crate) fn catalogue() -> Catalogue {
    catalogue_of(&[
        ("AQ-01", StationKind::Air, "pm2_5", Unit::MicrogramPerCubicMetre),
        ("Đồi-2", StationKind::Air, "pm2_5", Unit::MilligramPerCubicMetre),
        ("RV-01", StationKind::River, "water_level", Unit::Metre),
    ])
}

pub(crate) fn edited(catalogue: &Catalogue, edit: impl FnOnce(&mut Vec<Station>, &mut Vec<Channel>)) -> Catalogue {
    let mut stations = catalogue.stations().to_vec();
    let mut channels = catalogue.channels().to_vec();
    edit(&mut stations, &mut channels);
    Catalogue::new(vec![], catalogue.areas().to_vec(), stations, channels).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

pub(crate) fn rule(body: &str) -> Vec<RuleFile> {
    let text = format!("[[rule]]\nname = \"dust\"\ntitle = {{ vi = \"Bụi\", en = \"Dust\" }}\n{body}\n");
    vec![RuleFile { name: "dust.toml".into(), text }]
}

/// Alerts with their clock: ticks every 10 s.
#[derive(Clone)]
struct Bench {
    catalogue: Catalogue,
    listening: Listening,
    alerts: Alerts,
    now: i64,
    ticked: i64,
    out: Vec<Transition>,
}

impl Bench {
    fn new(catalogue: Catalogue, rules: &[RuleFile]) -> Bench {
        let mut alerts = Alerts::new(Retention::default());
        let mut out = Vec::new();
        let mut listening = Listening::default();
        listening.adopt(&Catalogue::default(), &catalogue, &Policy::default());
        let world = World { catalogue: &catalogue, listening: &listening };
        alerts.adopt_catalogue(&Catalogue::default(), world, at(-10), &mut out);
        alerts.adopt_rules(rules, world, at(-10), &mut out).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        alerts.tick(world, Timestamp::EPOCH, at(-10), &mut out);
        Bench { catalogue, listening, alerts, now: -10, ticked: -10, out }
    }

    fn pass(&mut self, until: i64) {
        while self.ticked + 10 <= until {
            self.tick(self.ticked + 10);
        }
        self.now = until;
    }

    fn tick(&mut self, now: i64) {
        let world = World { catalogue: &self.catalogue, listening: &self.listening };
        self.alerts.tick(world, at(self.ticked), at(now), &mut self.out);
        self.ticked = now;
    }

    fn hear(&mut self, sample: Sample) {
        self.listening.hear(&sample, SourceId(0));
        if sample.time_class == TimeClass::Live {
            self.listening.see(&sample);
        }
        let world = World { catalogue: &self.catalogue, listening: &self.listening };
        self.alerts.hear(world, &sample, at(self.now), &mut self.out);
    }

    fn correct(&mut self, sample: Sample) {
        let world = World { catalogue: &self.catalogue, listening: &self.listening };
        self.alerts.correct(world, &sample, at(self.now));
    }

    /// `60=5` a good sample in time, `60~5` one that comes late, `60?5` one from a device at fault, `60.` only ticks;
    /// `60*5` one that was flagged, `60!5` a correction to what is good, `60!x` one to what is flagged; `60@2=5` one of
    /// channel 2 instead of 0.
    fn series(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let mark = word.find(['=', '~', '?', '*', '!', '.']).unwrap();
            let (seconds, channel) = word[..mark].split_once('@').unwrap_or((&word[..mark], "0"));
            let seconds: i64 = seconds.parse().unwrap();
            self.pass(seconds.max(self.now));
            let rest = &word[mark + 1..];
            let good = Sample {
                channel: ChannelId(channel.parse().unwrap()),
                observed_at: at(seconds),
                value: rest.parse().unwrap_or(0.0),
                quality: Quality::GOOD,
                time_class: TimeClass::Live,
            };
            match &word[mark..=mark] {
                "=" => self.hear(good),
                "~" => self.hear(Sample { time_class: TimeClass::Late, ..good }),
                "?" => self.hear(Sample { quality: Quality::FAULT, ..good }),
                "*" => self.hear(Sample { quality: Quality::SPIKE, ..good }),
                "!" if rest == "x" => self.correct(Sample { quality: Quality::SPIKE, ..good }),
                "!" => self.correct(Sample { quality: Quality::EDITED, ..good }),
                _ => {}
            }
        }
    }

    /// `60 active high 5` for every transition since the last call.
    fn told(&mut self) -> Vec<String> {
        let line = |transition: &Transition| {
            let moment = transition.alert.timeline.last().unwrap();
            assert_eq!(moment.at, transition.alert.changed_at);
            assert_eq!((moment.state, moment.severity), (transition.alert.state, transition.alert.severity));
            assert_eq!(transition.alert.ended_at.is_some(), moment.state == AlertState::Cleared);
            let seconds = (moment.at.micros() - at(0).micros()) / 1_000_000;
            let value = moment.value.map_or(String::new(), |value| format!(" {value}"));
            format!("{seconds} {} {}{value} ({})", moment.state.word(), moment.severity.word(), moment.cause.word())
        };
        let told = self.out.iter().map(line).collect();
        self.out.clear();
        told
    }
}

/// Weather stations of three channels every 60 s over wire (0 to 2: WX-01 in Tân Phong; 3 to 5: WX-02 there; 6 to 8:
/// WX-03 in Đoàn Kết): air temperature in Cel, relative humidity in %, rainfall in mm. Then RV-01/water_level in m
/// (9, Tân Phong) and RV-02/water_level in cm (10, Đoàn Kết).
fn valley() -> Catalogue {
    let flat = catalogue_of(&[("X", StationKind::Weather, "x", Unit::One)]);
    let mut areas = flat.areas().to_vec();
    areas.push(Area {
        id: "03389".into(),
        level: AreaLevel::Commune,
        name: name("Đoàn Kết"),
        parent: Some("12".into()),
    });
    let weather =
        [("air_temperature", Unit::Celsius), ("relative_humidity", Unit::Percent), ("rainfall", Unit::Millimetre)];
    type Row<'a> = (&'a str, &'a str, Vec<(&'a str, Unit)>);
    let rows: [Row<'_>; 5] = [
        ("WX-01", "03388", weather.to_vec()),
        ("WX-02", "03388", weather.to_vec()),
        ("WX-03", "03389", weather.to_vec()),
        ("RV-01", "03388", vec![("water_level", Unit::Metre)]),
        ("RV-02", "03389", vec![("water_level", Unit::Centimetre)]),
    ];
    let (mut stations, mut channels) = (Vec::new(), Vec::new());
    for ((id, area, observed), no) in rows.into_iter().zip(0u32..) {
        let mut own = Vec::new();
        for (property, unit) in observed {
            let id = ChannelId(u32::try_from(channels.len()).unwrap());
            let station = StationNo(no);
            let property = Property::new(property);
            channels.push(Channel { id, station, property, unit, ..flat.channels()[0].clone() });
            own.push(id);
        }
        let area = Some(AreaId::new(area));
        let id = StationId::new(id);
        stations.push(Station { no: StationNo(no), id, area, channels: own, ..flat.stations()[0].clone() });
    }
    Catalogue::new(vec![], areas, stations, channels).unwrap()
}

#[track_caller]
fn check_in_valley(body: &str, series: &str, expected: &[&str]) {
    let mut bench = Bench::new(valley(), &rule(body));
    bench.series(series);
    assert_eq!(bench.told(), expected);
}

#[track_caller]
fn check(body: &str, series: &str, expected: &[&str]) {
    let mut bench = Bench::new(catalogue(), &rule(body));
    bench.series(series);
    assert_eq!(bench.told(), expected);
}

const ONE_LEVEL: &str =
    "property = 'pm2_5'\nkind = 'air'\nlevels = [{ severity = 'high', above = 50, clear = 40 }]\nunit = 'ug/m3'";
const HELD: &str = "property = 'pm2_5'\nlevels = [{ severity = 'high', above = 50, clear = 40 }]\n\
    unit = 'ug/m3'\nfor = '2m'\nclear_for = '3m'";
const THREE_LEVELS: &str = "property = 'pm2_5'\nunit = 'ug/m3'\nfor = '1m'\nclear_for = '1m'\nlevels = [\n\
    { severity = 'medium', above = 50, clear = 45 },\n{ severity = 'high', above = 80, clear = 70 },\n\
    { severity = 'catastrophic', above = 150, clear = 120 },\n]";
const ABSENCE: &str = "property = 'pm2_5'\nkind = 'air'\nstations = ['AQ-01']\n\
    absence = { after = '10m', severity = 'low' }";
