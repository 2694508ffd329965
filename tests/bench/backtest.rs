//! A rule tried on a year of 1,000 channels, one sample an hour, from a store on disk.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use saola::alerts::{Rules, check_rules};
use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Policy, Position, Property, Quality,
    Range, RuleFile, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass, Timestamp, Unit,
};
use saola::store::{self, Settling, Store};
use saola::trial::{Asked, backtest};

const CHANNELS: u32 = 1_000;
const HOURS: i64 = 8_760;
/// 2025-01-01T00:00:00Z.
const START: i64 = 1_735_689_600;

const RULE: &str = "[[rule]]\nname = 'hot'\ntitle = { vi = 'Nóng', en = 'Hot' }\nproperty = 'air_temperature'\n\
    unit = 'Cel'\nlevels = [{ severity = 'low', above = 35, clear = 34 }, { severity = 'high', above = 39, clear = 38 }]\n\
    for = '1h'\nclear_for = '1h'\n";

fn catalogue() -> Catalogue {
    let station = |no| {
        let id = StationId::new(&format!("W-{no:04}"));
        let name = LocalName { vi: id.to_string(), en: id.to_string() };
        let position = Position { lon: 103.4, lat: 22.3 };
        let (kind, channels) = (StationKind::Weather, vec![ChannelId(no)]);
        let no = StationNo(no);
        Station { no, id, kind, name, position, area: None, maintenance: false, retired: false, channels }
    };
    let channel = |no| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new("air_temperature"),
        unit: Unit::Celsius,
        interval: Duration::from_secs(3_600),
        plausible: Range { min: -50.0, max: 60.0 },
        link: LinkClass::Wired,
        retired: false,
    };
    let (stations, channels) = ((0..CHANNELS).map(station).collect(), (0..CHANNELS).map(channel).collect());
    Catalogue::new(vec!["bench".to_owned()], Vec::new(), stations, channels).unwrap()
}

/// Days and seasons, each station a little apart: some hundred alerts a day in summer.
fn value(channel: u32, hour: i64) -> f64 {
    let (day, season) = (hour as f64 / 24.0, hour as f64 / HOURS as f64);
    let noise = (f64::from(channel) * 12.9898 + hour as f64 * 78.233).sin() * 3.0;
    (22.0 - 8.0 * (season * std::f64::consts::TAU).cos() + 7.0 * (day * std::f64::consts::TAU).sin() + noise).round()
}

fn fill(store: &Store, catalogue: &Catalogue) {
    let at = |hour: i64| Timestamp::from_seconds(START + hour * 3_600);
    let body = Body::Catalogue(Box::new(catalogue.clone()));
    store.apply(&[Entry { seq: Seq(1), received_at: at(0), body }]).unwrap();
    for hour in 0..HOURS {
        let sample = |channel| Sample {
            channel: ChannelId(channel),
            observed_at: at(hour),
            value: value(channel, hour),
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        let message = Message {
            source: SourceId(0),
            received: CHANNELS,
            duplicates: 0,
            samples: (0..CHANNELS).map(sample).collect(),
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        };
        let entry = Entry { seq: Seq(hour as u64 + 2), received_at: at(hour), body: Body::Message(message) };
        store.apply(&[entry]).unwrap();
    }
    store.flush().unwrap();
    while store.settle(1_000_000).unwrap() == Settling::More {}
}

/// Fills a store, tries a rule on all of it, and says how long that took.
pub fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(folder.path(), &store::Config::default()).unwrap());
    let catalogue = catalogue();
    let begun = Instant::now();
    fill(&store, &catalogue);
    println!("a store of {} samples made in {:.1} s", i64::from(CHANNELS) * HOURS, begun.elapsed().as_secs_f64());
    let rules =
        check_rules(&[RuleFile { name: "hot".into(), text: RULE.into() }], &catalogue, &mut Vec::new()).unwrap();
    let asked = Asked {
        catalogue: &catalogue,
        policy: &Policy::default(),
        rules,
        in_force: Rules::default(),
        from: Timestamp::from_seconds(START),
        to: Timestamp::from_seconds(START + HOURS * 3_600),
        now: Timestamp::from_seconds(START + HOURS * 3_600),
        zone: TimeZone::UTC,
        alerts_per_month: None,
        samples_max: 20_000_000,
    };
    let begun = Instant::now();
    let report = backtest(&store, &asked, |_| true, &AtomicBool::new(false)).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let (read, numbers) = (&report.rules[0].read, &report.rules[0].numbers);
    assert_eq!(read.samples, u64::from(CHANNELS) * HOURS as u64, "every sample is judged");
    println!(
        "backtest: a year of {CHANNELS} channels, {} samples, {} alerts: {seconds:.1} s, {:.1} M samples/s (wanted: under 10 s)",
        read.samples,
        numbers.alerts,
        read.samples as f64 / seconds / 1e6,
    );
}
