mod fire;

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;
use crate::indices::config;
use crate::model::{
    Channel, Derived, LinkClass, LocalName, Position, Property, Range, StationId, StationKind, StationNo,
};
use crate::store::StoredSample;

/// A store that is a table; what is offered goes into it, as it would by way of the journal.
#[derive(Default)]
struct Table(RefCell<BTreeMap<(ChannelId, Timestamp), (f64, Quality)>>);

impl Past for Table {
    fn samples(&self, channel: ChannelId, from: Timestamp, to: Timestamp) -> Result<Vec<StoredSample>, StoreError> {
        let table = self.0.borrow();
        let found = table.range((channel, from)..(channel, to));
        Ok(found
            .map(|((_, at), (value, quality))| StoredSample { observed_at: *at, value: *value, quality: *quality })
            .collect())
    }
}

const TEXT: &str = r#"
zone = "Asia/Ho_Chi_Minh"
look_back = "10d"
[vn_aqi]
kinds = "air"
source = "x"
confirmed = true
[fire_danger_p]
kinds = "weather"
source = "x"
confirmed = false
[fwi]
kinds = "weather"
source = "x"
confirmed = false
[cbi]
kinds = "weather"
source = "x"
confirmed = true
[rain]
kinds = "weather"
source = "x"
confirmed = true
hours = [1, 24]
[landslide_rain]
kinds = "weather"
source = "x"
confirmed = false
formula = "do_and_yin"
[level_of_service]
kinds = "traffic"
source = "x"
confirmed = false
free_flow = 50
[river_alarm]
kinds = "river"
source = "x"
confirmed = false
[[river_alarm.station]]
id = "S"
stages = [3, 4, 5]
datum = "x"
confirmed = false
"#;

/// One station with a deriver over a table.
struct Bench {
    table: Table,
    deriver: Deriver,
    touches: Arc<Touches>,
    catalogue: Arc<Catalogue>,
    now: Timestamp,
    offers: Vec<Offer>,
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("{text}+07:00")).unwrap_or_else(|| panic!("{text} is no time"))
}

impl Bench {
    /// A station of a kind that observes properties every so many minutes.
    fn new(kind: StationKind, observed: &[(&str, Unit)], minutes: u64, now: &str) -> Bench {
        let (config, mistakes) = config::read("a.toml", TEXT);
        assert_eq!(mistakes, []);
        let interval = Duration::from_secs(60 * minutes);
        let channel = |(id, (property, unit)): (u32, (&str, Unit))| Channel {
            id: ChannelId(id),
            station: StationNo(0),
            property: Property::new(property),
            unit,
            interval,
            plausible: Range { min: -1e9, max: 1e9 },
            link: LinkClass::Cellular,
            retired: false,
        };
        let mut channels: Vec<Channel> = (0..).zip(observed.iter().copied()).map(channel).collect();
        let link = LinkClass::Cellular;
        let inputs: Vec<config::Input> = channels
            .iter()
            .map(|c| config::Input { property: c.property.clone(), unit: c.unit, interval, link })
            .collect();
        let outputs = config.outputs().of(&StationId::new("S"), kind, &inputs);
        let place = |channels: &[Channel], name: &Property| channels.iter().position(|c| c.property == *name).unwrap();
        let mut derived = Vec::new();
        for output in &outputs {
            let id = ChannelId(channels.len() as u32);
            let from = output.from.iter().map(|name| ChannelId(place(&channels, name) as u32)).collect();
            channels.push(channel((id.0, (output.property.as_str(), output.unit))));
            derived.push(Derived { channel: id, from });
        }
        let name = LocalName { vi: "S".into(), en: "S".into() };
        let station = crate::model::Station {
            no: StationNo(0),
            id: StationId::new("S"),
            kind,
            name,
            position: Position { lon: 103.4, lat: 22.4 },
            area: None,
            maintenance: false,
            retired: false,
            channels: (0..channels.len() as u32).map(ChannelId).collect(),
        };
        let catalogue = Catalogue::new(vec![], vec![], vec![station], channels).unwrap().with_derived(derived);
        let touches = Arc::new(Touches::default());
        let deriver = Deriver::new(Arc::new(config), touches.clone());
        let (catalogue, now) = (Arc::new(catalogue), at(now));
        Bench { table: Table::default(), deriver, touches, catalogue, now, offers: Vec::new() }
    }

    fn id(&self, property: &str) -> ChannelId {
        self.catalogue.channel_named(&format!("S/{property}")).unwrap_or_else(|| panic!("no channel {property}")).id
    }

    fn put_flagged(&mut self, property: &str, at: Timestamp, value: f64, quality: Quality, class: TimeClass) {
        let channel = self.id(property);
        self.table.0.borrow_mut().insert((channel, at), (value, quality));
        let sample = crate::model::Sample { channel, observed_at: at, value, quality, time_class: class };
        let message = crate::model::Message {
            source: crate::model::SourceId(0),
            received: 1,
            duplicates: 0,
            samples: vec![sample],
            rejections: vec![],
            raw: None,
            unknown: vec![],
            again: None,
        };
        let body = crate::model::Body::Message(message);
        self.touches.note(&[crate::model::Entry { seq: Seq(1), received_at: self.now, body }]);
    }

    fn put(&mut self, property: &str, at: Timestamp, value: f64) {
        self.put_flagged(property, at, value, Quality::GOOD, TimeClass::Live);
    }

    /// A person's own value, as a correction.
    fn put_judged(&mut self, property: &str, at: Timestamp, value: f64) {
        let (channel, quality) = (self.id(property), Quality::EDITED);
        self.table.0.borrow_mut().insert((channel, at), (value, quality));
        let sample = crate::model::Sample { channel, observed_at: at, value, quality, time_class: TimeClass::Late };
        let (author, reason) = ("lan".to_owned(), "seen".to_owned());
        let corrections = crate::model::Corrections { author, reason, samples: vec![sample] };
        let body = crate::model::Body::Corrections(corrections);
        self.touches.note(&[crate::model::Entry { seq: Seq(1), received_at: self.now, body }]);
    }

    /// A value every so many minutes, later than `from`, up to `to`.
    fn fill(&mut self, property: &str, (from, to): (&str, &str), minutes: u64, value: f64) {
        let mut time = at(from);
        while time < at(to) {
            time = time + Duration::from_secs(60 * minutes);
            self.put(property, time, value);
        }
    }

    /// A round at an instant; what it offered.
    fn round(&mut self, now: &str) -> Offer {
        self.now = at(now);
        self.deriver.adopt(&self.catalogue.clone(), self.now);
        self.deriver.gather();
        let mut all = Offer::default();
        let table = &self.table;
        let taken = self.deriver.round(self.now, table, &mut |offer| {
            for value in offer.new.iter().chain(&offer.again) {
                table.0.borrow_mut().insert((value.channel, value.at), (value.value, value.quality));
            }
            all.new.extend(offer.new);
            all.again.extend(offer.again);
            Ok(())
        });
        taken.unwrap();
        self.offers.push(all.clone());
        all
    }

    fn value(&self, property: &str, time: &str) -> Option<(f64, &'static str)> {
        let found = self.table.0.borrow().get(&(self.id(property), at(time))).copied();
        found.map(|(value, quality)| (value, quality.word()))
    }
}

const UG: Unit = Unit::MicrogramPerCubicMetre;

#[test]
fn an_hours_index_comes_after_its_end_and_grace_from_the_means_of_hours() {
    let mut bench = Bench::new(StationKind::Air, &[("pm2_5", UG)], 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.fill("pm2_5", ("2026-11-21T12:00:00", "2026-11-21T14:00:00"), 10, 40.0);
    bench.round("2026-11-21T14:03:59");
    assert_eq!(bench.value("vn_aqi", "2026-11-21T14:00:00"), None, "the grace is not over");
    let offer = bench.round("2026-11-21T14:04:00");
    assert_eq!(bench.value("vn_aqi", "2026-11-21T14:00:00"), Some((80.0, "good")));
    assert_eq!(bench.value("vn_aqi", "2026-11-21T13:00:00"), None, "one hour of three is too few");
    assert_eq!(offer.new.iter().map(|value| value.class).collect::<Vec<_>>(), [TimeClass::Live]);
    assert_eq!(bench.round("2026-11-21T14:05:00"), Offer::default(), "nothing changed");
}

#[test]
fn a_late_input_corrects_the_hours_that_it_is_in_and_gives_missing_ones_late_values() {
    let mut bench = Bench::new(StationKind::Air, &[("pm2_5", UG)], 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.fill("pm2_5", ("2026-11-21T12:00:00", "2026-11-21T14:00:00"), 10, 40.0);
    bench.round("2026-11-21T14:04:00");
    // The hour before, which the device kept while it had no link.
    for minutes in 1..=6 {
        let time = at("2026-11-21T11:00:00") + Duration::from_secs(600 * minutes);
        bench.put_flagged("pm2_5", time, 80.0, Quality::GOOD, TimeClass::Late);
    }
    let offer = bench.round("2026-11-21T14:30:00");
    // NowCast of 14:00: w = 1/2, (40 + 20 + 20) / 1.75 = 45.71, index 91.43.
    assert_eq!(bench.value("vn_aqi", "2026-11-21T14:00:00"), Some((91.0, "good")));
    assert_eq!(offer.again.len(), 1);
    let found: Vec<_> = offer.new.iter().map(|value| (value.at, value.class)).collect();
    assert_eq!(found, [(at("2026-11-21T13:00:00"), TimeClass::Late)], "it dispatches nobody");
}

#[test]
fn suspicious_inputs_are_taken_only_when_good_ones_are_too_few_and_say_so() {
    let mut bench = Bench::new(StationKind::Air, &[("pm2_5", UG)], 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.fill("pm2_5", ("2026-11-21T12:00:00", "2026-11-21T14:00:00"), 10, 40.0);
    bench.put_flagged("pm2_5", at("2026-11-21T14:00:00"), 900.0, Quality::RANGE, TimeClass::Live);
    bench.round("2026-11-21T14:04:00");
    assert_eq!(bench.value("vn_aqi", "2026-11-21T14:00:00"), Some((80.0, "good")), "five of six are good");
    bench.put_flagged("pm2_5", at("2026-11-21T13:50:00"), 40.0, Quality::RATE, TimeClass::Late);
    bench.round("2026-11-21T14:10:00");
    let (value, quality) = bench.value("vn_aqi", "2026-11-21T14:00:00").unwrap();
    assert_eq!((value > 150.0, quality), (true, "estimated"));
    for minute in ["20", "30", "40", "50"] {
        bench.put_flagged("pm2_5", at(&format!("2026-11-21T13:{minute}:00")), 40.0, Quality::FAULT, TimeClass::Late);
    }
    bench.put_flagged("pm2_5", at("2026-11-21T12:30:00"), 40.0, Quality::BAD, TimeClass::Late);
    bench.put_flagged("pm2_5", at("2026-11-21T12:40:00"), 40.0, Quality::BAD, TimeClass::Late);
    bench.round("2026-11-21T14:20:00");
    let (_, quality) = bench.value("vn_aqi", "2026-11-21T14:00:00").unwrap();
    assert_eq!(quality, "bad", "its inputs no longer support it");
}

#[test]
fn a_start_catches_up_and_does_no_harm() {
    let mut bench = Bench::new(StationKind::Air, &[("pm2_5", UG), ("no2", UG)], 60, "2026-11-20T00:00:00");
    bench.fill("pm2_5", ("2026-11-19T16:00:00", "2026-11-21T12:00:00"), 60, 20.0);
    bench.fill("no2", ("2026-11-19T16:00:00", "2026-11-21T12:00:00"), 60, 130.8);
    let offer = bench.round("2026-11-21T12:04:30");
    let hours = offer.new.iter().filter(|value| value.channel == bench.id("vn_aqi")).count();
    assert_eq!(hours, 43, "44 hours, of which the first has too few before it");
    assert_eq!(bench.value("vn_aqi", "2026-11-21T12:00:00"), Some((65.0, "good")));
    assert_eq!(bench.value("vn_aqi_daily", "2026-11-21T00:00:00"), Some((65.0, "good")), "labelled by its end");
    // Another process, later, over the same store.
    bench.deriver = Deriver::new(bench.deriver.config.clone(), bench.touches.clone());
    assert_eq!(bench.round("2026-11-21T12:20:00"), Offer::default());
    bench.fill("pm2_5", ("2026-11-21T12:00:00", "2026-11-21T15:00:00"), 60, 20.0);
    bench.deriver = Deriver::new(bench.deriver.config.clone(), bench.touches.clone());
    let offer = bench.round("2026-11-21T15:05:00");
    let hours: Vec<_> = offer.new.iter().filter(|v| v.channel == bench.id("vn_aqi")).map(|v| v.at).collect();
    assert_eq!(hours, ["13", "14", "15"].map(|hour| at(&format!("2026-11-21T{hour}:00:00"))));
}

const WEATHER: [(&str, Unit); 4] = [
    ("air_temperature", Unit::Celsius),
    ("relative_humidity", Unit::Percent),
    ("rainfall", Unit::Millimetre),
    ("wind_speed", Unit::MetrePerSecond),
];

/// Days of steady weather up to an instant.
fn weather(days: &[(&str, f64)], now: &str) -> Bench {
    let mut bench = Bench::new(StationKind::Weather, &WEATHER, 60, now);
    for (day, rain) in days {
        let end = format!("2026-11-{day}T13:00:00");
        let start = at(&end) - Duration::from_secs(86_400);
        for hour in 1..=24_u64 {
            let time = start + Duration::from_secs(3_600 * hour);
            bench.put("air_temperature", time, 24.0);
            bench.put("relative_humidity", time, 50.0);
            bench.put("wind_speed", time, 5.0);
            bench.put("rainfall", time, if hour == 5 { *rain } else { 0.0 });
        }
    }
    bench
}

#[test]
fn rain_is_summed_with_each_report_and_not_when_too_many_are_missing() {
    let mut bench = Bench::new(StationKind::Weather, &WEATHER, 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.fill("rainfall", ("2026-11-21T12:00:00", "2026-11-21T13:00:00"), 10, 2.5);
    bench.round("2026-11-21T13:00:01");
    assert_eq!(bench.value("rain_1h", "2026-11-21T13:00:00"), Some((15.0, "good")));
    assert_eq!(bench.value("rain_1h", "2026-11-21T12:40:00"), None, "four of six reports");
    assert_eq!(bench.value("rain_1h", "2026-11-21T12:50:00"), Some((12.5, "good")));
    assert_eq!(bench.value("rain_24h", "2026-11-21T13:00:00"), None);
    bench.put_flagged("rainfall", at("2026-11-21T12:05:00"), 4.0, Quality::GOOD, TimeClass::Late);
    let offer = bench.round("2026-11-21T13:05:00");
    assert_eq!(bench.value("rain_1h", "2026-11-21T13:00:00"), Some((19.0, "good")));
    let mut sums = offer.new.iter().filter(|value| value.channel == bench.id("rain_1h"));
    assert!(sums.all(|value| value.class == TimeClass::Late), "{offer:?}");
}

#[test]
fn the_landslide_margin_needs_four_days_of_rain() {
    let mut bench = Bench::new(StationKind::Weather, &WEATHER, 60, "2026-11-21T12:00:00");
    bench.fill("rainfall", ("2026-11-17T12:00:00", "2026-11-20T12:00:00"), 60, 1.0);
    bench.fill("rainfall", ("2026-11-20T12:00:00", "2026-11-21T12:00:00"), 60, 2.0);
    bench.round("2026-11-21T12:00:00");
    // 48 - (40.8 - 0.201 · 72).
    assert_eq!(bench.value("landslide_rain_margin", "2026-11-21T12:00:00"), Some((21.672, "good")));
    assert_eq!(bench.value("landslide_rain_margin", "2026-11-18T12:00:00"), None);
}

#[test]
fn a_rivers_stage_remembers_where_it_was() {
    let mut bench = Bench::new(StationKind::River, &[("water_level", Unit::Centimetre)], 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    let mut minute = 0;
    for (level, stage) in [(299.0, 0.0), (300.0, 1.0), (280.0, 1.0), (269.0, 0.0), (290.0, 0.0), (410.0, 2.0)] {
        minute += 10;
        let time = at("2026-11-21T12:00:00") + Duration::from_secs(60 * minute);
        bench.put("water_level", time, level);
        bench.round(&format!("2026-11-21T13:{minute:02}:00").replace("T13:60", "T14:00"));
        let found = bench.table.0.borrow().get(&(bench.id("river_alarm_stage"), time)).map(|(value, _)| *value);
        assert_eq!(found, Some(stage), "at {level}");
    }
}

#[test]
fn speed_becomes_a_level_of_service_at_once() {
    let mut bench =
        Bench::new(StationKind::Traffic, &[("vehicle_speed", Unit::MetrePerSecond)], 1, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.put("vehicle_speed", at("2026-11-21T12:00:30"), 4.0);
    let offer = bench.round("2026-11-21T12:00:31");
    assert_eq!(bench.value("level_of_service", "2026-11-21T12:00:30"), Some((6.0, "good")));
    assert_eq!(offer.new[0].class, TimeClass::Live);
    // By a clock that is ahead.
    bench.put("vehicle_speed", at("2026-11-21T12:01:30"), 49.0 / 3.6);
    bench.round("2026-11-21T12:01:00");
    assert_eq!(bench.value("level_of_service", "2026-11-21T12:01:30"), Some((1.0, "good")));
}

#[test]
fn what_a_person_judged_stays() {
    let mut bench =
        Bench::new(StationKind::Traffic, &[("vehicle_speed", Unit::KilometrePerHour)], 1, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    bench.put("vehicle_speed", at("2026-11-21T12:00:30"), 10.0);
    bench.round("2026-11-21T12:00:31");
    let (channel, time) = (bench.id("level_of_service"), at("2026-11-21T12:00:30"));
    bench.table.0.borrow_mut().insert((channel, time), (2.0, Quality::EDITED));
    bench.put_flagged("vehicle_speed", time, 50.0, Quality::GOOD, TimeClass::Late);
    assert_eq!(bench.round("2026-11-21T12:01:00"), Offer::default());
}

#[test]
fn a_value_is_explained_by_its_inputs() {
    let mut bench = weather(&[("16", 0.0), ("17", 4.9)], "2026-11-17T13:00:00");
    bench.round("2026-11-17T13:04:00");
    let (channel, time) = (bench.id("fire_danger_p"), at("2026-11-17T13:00:00"));
    let config = &bench.deriver.config;
    let plan = Plan::new(&bench.catalogue, config);
    let made = Deriver::explain((&plan, config), channel, time, &bench.table).unwrap().unwrap();
    let found: Vec<(&str, f64)> = made.ingredients.iter().map(|input| (input.name, input.value)).collect();
    let expected = [
        ("rain_24h", 4.9),
        ("rain_limit", 5.0),
        ("air_temperature", 24.0),
        ("relative_humidity", 50.0),
        ("p_before", 357.191),
    ];
    assert_eq!((found, made.value), (expected.to_vec(), 714.382));
}

#[test]
fn a_gauge_whose_clock_is_a_minute_ahead_gets_its_values() {
    let mut bench = Bench::new(StationKind::River, &[("water_level", Unit::Metre)], 10, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    for minute in [10, 20, 30] {
        bench.put("water_level", at(&format!("2026-11-21T12:{minute}:00")), 3.5);
        bench.round(&format!("2026-11-21T12:{:02}:00", minute - 1));
        let found = bench.value("river_alarm_stage", &format!("2026-11-21T12:{minute}:00"));
        assert_eq!(found, Some((1.0, "good")), "at {minute}");
    }
}

#[test]
fn a_gauge_has_no_sums_over_less_than_it_reports() {
    let bench = Bench::new(StationKind::Weather, &WEATHER, 180, "2026-11-21T12:00:00");
    assert!(bench.catalogue.channel_named("S/rain_1h").is_none(), "three hours are not one");
    assert!(bench.catalogue.channel_named("S/rain_24h").is_some());
}

#[test]
fn a_channel_in_a_unit_of_something_else_makes_nothing() {
    let bench = Bench::new(StationKind::Air, &[("pm2_5", Unit::Celsius)], 60, "2026-11-21T12:00:00");
    assert!(bench.catalogue.channel_named("S/vn_aqi").is_none());
}

#[test]
fn what_a_person_made_of_a_day_is_what_the_next_goes_on_from() {
    let mut bench = weather(&[("16", 0.0), ("17", 0.0), ("18", 0.0)], "2026-11-18T13:00:00");
    bench.round("2026-11-18T13:04:00");
    let (channel, time) = (bench.id("fire_danger_p"), at("2026-11-17T13:00:00"));
    bench.put_judged("fire_danger_p", time, 9_000.0);
    bench.round("2026-11-18T13:10:00");
    let p = |bench: &Bench, day: &str| bench.value("fire_danger_p", &format!("2026-11-{day}T13:00:00"));
    assert_eq!((p(&bench, "17"), p(&bench, "18")), (Some((9_000.0, "good")), Some((9_357.191, "good"))));
    assert_eq!(bench.value("fire_danger_level", "2026-11-17T13:00:00"), Some((4.0, "good")));
    bench.put_judged("dc", at("2026-11-17T12:00:00"), 500.0);
    bench.round("2026-11-18T13:20:00");
    assert!(bench.value("dc", "2026-11-18T12:00:00").unwrap().0 > 500.0);
    // A start changes nothing of it.
    bench.deriver = Deriver::new(bench.deriver.config.clone(), bench.touches.clone());
    assert_eq!(bench.round("2026-11-18T13:30:00"), Offer::default());
    // What is disowned is bridged.
    bench.table.0.borrow_mut().insert((channel, time), (9_000.0, Quality::EDITED.with(Quality::BAD)));
    bench.put_flagged("rainfall", time, 0.0, Quality::GOOD, TimeClass::Late);
    bench.round("2026-11-18T13:40:00");
    assert_eq!(p(&bench, "18"), Some((714.382, "estimated")));
}

#[test]
fn days_are_caught_up_from_their_last_value_however_old() {
    let days = ["10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25"];
    let mut bench = weather(&[("09", 0.0)], "2026-11-09T13:00:00");
    bench.round("2026-11-09T13:04:00");
    let later = weather(&days.map(|day| (day, 0.0)), "2026-11-25T13:00:00");
    bench.table.0.borrow_mut().extend(later.table.0.into_inner());
    bench.deriver = Deriver::new(bench.deriver.config.clone(), bench.touches.clone());
    bench.round("2026-11-25T13:04:00");
    let (p, quality) = bench.value("fire_danger_p", "2026-11-25T13:00:00").unwrap();
    assert_eq!(((p - 17.0 * 357.1906).abs() < 0.1, quality), (true, "good"), "{p}");
}

#[test]
fn a_new_station_lets_nobody_else_be_computed_again() {
    let mut bench = Bench::new(StationKind::Air, &[("pm2_5", UG)], 60, "2026-11-21T12:00:00");
    bench.round("2026-11-21T12:00:00");
    assert_eq!((bench.deriver.behind.len(), bench.deriver.left.live.len()), (0, 0));
    let other = Catalogue::clone(&bench.catalogue);
    bench.deriver.adopt(&Arc::new(other), bench.now);
    assert_eq!(bench.deriver.behind.len(), 0, "nothing of it is other");
}

#[test]
fn hours_end_where_the_zone_has_them() {
    let zone = TimeZone::get("Asia/Kolkata").unwrap();
    let stretch = Stretch { from: at("2026-11-21T12:00:00"), to: at("2026-11-21T14:00:00") };
    let found: Vec<Timestamp> = instants(Cadence::Hourly, stretch, &zone).iter().map(|instant| instant.at).collect();
    assert_eq!(found, [at("2026-11-21T12:30:00"), at("2026-11-21T13:30:00")]);
}
