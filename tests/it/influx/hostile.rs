//! Names that somebody chose to do harm (or a keyboard did): into line protocol and Flux they go whole, or not at all.

use std::collections::BTreeSet;

use saola::model::{ChannelId, Quality, StationKind};
use saola::store::influx::Series;

use super::fixture::{FROM, House, START, TO, catalogue, entry, follow, sample};
use super::scripted::Scripted;

/// 2,000 different names out of pieces that mean something to some reader of them.
pub fn names() -> Vec<String> {
    const PIECES: [&str; 40] = [
        ",",
        "=",
        " ",
        "\\",
        "\"",
        "\n",
        "\r\n",
        "|>",
        "\");drop()",
        "'; --",
        "../",
        "\u{202e}",
        "\u{200f}",
        "${r}",
        "$",
        "{",
        "}",
        "\\x22",
        "\t",
        "\0",
        "#",
        "đồi",
        "r[\"_field\"]",
        "1",
        "a",
        "_",
        "time",
        "=cmd",
        "%0a",
        "&",
        "<script>",
        "'",
        "/*",
        "//",
        "\u{7f}",
        "\u{feff}",
        "é",
        "e\u{301}",
        "🦌",
        ",b=c 1=2 3",
    ];
    let mut names = BTreeSet::new();
    let mut dice: u64 = 0x9E37_79B9_7F4A_7C15;
    names.extend(PIECES.iter().map(|piece| (*piece).to_owned()));
    names.insert("x".repeat(65_536));
    while names.len() < 2_000 {
        let mut name = String::new();
        for _ in 0..2 + names.len() % 5 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            name.push_str(PIECES[(dice >> 33) as usize % PIECES.len()]);
        }
        names.insert(name);
    }
    names.into_iter().collect()
}

/// Whether a name can be a station's, and a property's.
pub fn is_taken(name: &str) -> (bool, bool) {
    let station = Series::new(StationKind::Air, name, "pm2_5").is_ok();
    (station, Series::new(StationKind::Air, "AQ-0", name).is_ok())
}

#[test]
fn hostile_names_come_back_whole_or_are_refused() {
    let server = Scripted::start();
    let house = House::new(&server.url());
    let names = names();
    let stations: Vec<(&str, StationKind, Vec<&str>)> =
        names.iter().map(|name| (name.as_str(), StationKind::Air, vec![name.as_str(), "pm2_5"])).collect();
    let stations: Vec<_> = stations.iter().map(|(id, kind, properties)| (*id, *kind, &properties[..])).collect();
    let catalogue = catalogue(&stations);
    let store = house.open(&catalogue);
    let at = START * 1_000_000;
    let count = catalogue.channels().len() as u32;
    let samples = (0..count).map(|channel| sample(channel, at, f64::from(channel), Quality::GOOD)).collect();
    follow(&store, &[entry(1, samples)]);

    let mut taken = 0;
    for channel in catalogue.channels() {
        let station = catalogue.station(channel.station).unwrap();
        let property = channel.property.as_str();
        let (is_station, _) = is_taken(station.id.as_str());
        let is_expected = is_station && (property == "pm2_5" || is_taken(property).1);
        let key = ("air".to_owned(), station.id.as_str().to_owned(), property.to_owned());
        let held = server.inner.lock().points.get(&key).cloned();
        assert_eq!(held.is_some(), is_expected, "{:?} {property:?}", station.id);
        if is_expected {
            assert_eq!(held.unwrap().into_iter().collect::<Vec<_>>(), [(at, f64::from(channel.id.0))]);
            taken += 1;
        }
    }
    assert_eq!(server.inner.lock().points.len(), 2 * taken, "no series that nobody wrote");
    assert!((500..3_000).contains(&taken), "{taken} of {count} were taken");
    let counted = (store.stored_counts().values().sum::<u64>(), store.refused_counts().values().sum::<u64>());
    assert_eq!(counted, (taken as u64, u64::from(count) - taken as u64), "the books balance");
    // Each question is a request: a tenth of the names, every kind of piece among them.
    for id in (0..count).step_by(10).map(ChannelId) {
        let found: Vec<_> = store.range(id, FROM, TO).collect();
        let is_held = found.iter().all(|found| found.as_ref().is_ok_and(|found| found.value == f64::from(id.0)));
        assert_eq!(found.len(), 1, "one sample, or one refusal");
        assert_eq!(is_held, store.last(id).is_ok());
    }
}
