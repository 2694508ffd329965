//! The catalogue is whole, and texts work without a map.

use super::*;
use crate::model::{AlertState, StationKind};
use crate::notify::facts::Near;

pub(in crate::notify) fn texts() -> Texts {
    Texts::new(TimeZone::get("Asia/Ho_Chi_Minh").unwrap(), "https://ioc.example.vn")
}

/// A forest fire's smoke at Sìn Hồ.
pub(in crate::notify) fn facts() -> Facts {
    let name = |vi: &str, en: &str| LocalName { vi: vi.to_owned(), en: en.to_owned() };
    Facts {
        alert: "smoke/FR-SH-07/pm2_5/1795230900".to_owned(),
        rule: "smoke".to_owned(),
        title: name("Khói trong rừng", "Smoke in the forest"),
        severity: Severity::High,
        state: AlertState::Active,
        station: Some("FR-SH-07".to_owned()),
        station_name: Some(name("Sìn Hồ 7", "Sin Ho 7")),
        kind: Some(StationKind::Forest),
        property: "pm2_5".to_owned(),
        cause: "fire".to_owned(),
        unit: "ug/m3".to_owned(),
        value: Some(312.54),
        threshold: Some(150.0),
        area: Some(crate::model::AreaId::new("03478")),
        places: vec![name("Tiểu khu 412", "Compartment 412"), name("Sìn Hồ", "Sin Ho")],
        position: Some(Position { lon: 103.25, lat: 22.36 }),
        near: Some(Near { name: name("Sìn Hồ", "Sin Ho"), distance_m: 4_230.0, bearing_deg: 45.0 }),
        started_at: Timestamp::from_seconds(1_795_230_900),
        changed_at: Timestamp::from_seconds(1_795_230_900),
        ended_at: None,
        advice: Some(name("Báo kiểm lâm địa bàn.", "Call the ranger of the place.")),
        flapping: false,
    }
}

#[test]
fn both_languages_have_every_phrase_and_no_other() {
    let texts = texts();
    let words = Phrase::ALL.iter().map(|phrase| phrase.word());
    let words = words.chain(Kind::ALL.iter().map(|kind| kind.word()));
    let words = words.chain(Severity::ALL.iter().map(|severity| severity.word()));
    let wanted: std::collections::BTreeSet<&str> = words.collect();
    for phrases in [&texts.catalogue.vi, &texts.catalogue.en] {
        let found: std::collections::BTreeSet<&str> = phrases.keys().map(String::as_str).collect();
        assert_eq!(found, wanted);
        assert!(phrases.values().all(|text| !text.trim().is_empty()));
    }
    let slots = |text: &str| -> std::collections::BTreeSet<String> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect()
    };
    for (word, vi) in &texts.catalogue.vi {
        assert_eq!(slots(vi), slots(&texts.catalogue.en[word]), "{word}: both languages say the same values");
    }
}

#[test]
fn a_text_works_without_a_map() {
    let member = Member { kind: Kind::Raised, facts: facts() };
    let said = texts().say(&[Language::Vi, Language::En], std::slice::from_ref(&member));
    let expected = "CẢNH BÁO: Khói trong rừng, mức 3/5 (da cam)\n\
        Tại Sìn Hồ 7 (FR-SH-07), Tiểu khu 412, Sìn Hồ\n\
        Cách trung tâm Sìn Hồ 4,2 km về hướng đông bắc\n\
        WGS 84: 22.36000, 103.25000\n";
    assert!(said.text.starts_with(expected), "{}", said.text);
    assert_eq!(said.subject, "CẢNH BÁO: Khói trong rừng, mức 3/5 (da cam)");
    for part in [
        "VN-2000 (kinh tuyến trục 103°, múi 3°): X 24",
        "Giá trị 312,5 µg/m³, ngưỡng 150 µg/m³",
        "Từ 10:15 21/11/2026, đến khi có thông báo mới",
        "Việc cần làm: Báo kiểm lâm địa bàn.",
        "https://ioc.example.vn/?alert=smoke%2FFR-SH-07%2Fpm2_5%2F1795230900",
        "ALERT: Smoke in the forest, level 3/5 (orange)",
        "At Sin Ho 7 (FR-SH-07), Compartment 412, Sin Ho",
        "4.2 km north-east of the centre of Sin Ho",
        "Value 312.5 µg/m³, threshold 150 µg/m³",
        "Since 2026-11-21 10:15, until further notice",
    ] {
        assert!(said.text.contains(part), "{part} is not in\n{}", said.text);
    }
    let over = Facts { ended_at: Some(Timestamp::from_seconds(1_795_238_100)), ..facts() };
    let said = texts().say(&[Language::Vi], &[Member { kind: Kind::Resolved, facts: over }]);
    assert!(said.text.contains("Từ 10:15 21/11/2026 đến 12:15 21/11/2026"), "{}", said.text);
    assert!(!said.text.contains("Việc cần làm"), "{}", said.text);
}

#[test]
fn a_digest_counts_everything_and_names_the_worst_first() {
    let mut members: Vec<Member> = (0..250).map(|_| Member { kind: Kind::Raised, facts: facts() }).collect();
    members[200].facts.severity = Severity::Catastrophic;
    members[7].kind = Kind::Resolved;
    let said = texts().say(&[Language::En], &members);
    let lines: Vec<&str> = said.text.lines().collect();
    assert_eq!(lines[0], "250 notices, the worst at level 5/5 (violet)");
    assert_eq!((lines[1], lines[2]), ("ALERT: 249", "ALERT OVER: 1"));
    assert_eq!(lines[3], "ALERT, level 5/5: Smoke in the forest, Sin Ho 7, Compartment 412");
    assert!(said.text.contains("\nand 150 more\n"), "{}", said.text);
}

#[test]
fn braces_in_names_stay_braces() {
    let mut hostile = facts();
    hostile.title.vi = "{station} {kind}".to_owned();
    let said = texts().say(&[Language::Vi], &[Member { kind: Kind::Raised, facts: hostile }]);
    assert!(said.subject.contains("{station} {kind}"), "{}", said.subject);
}

#[test]
fn numbers_are_said_as_people_say_them() {
    let check = |value: f64, unit: &str, vi: &str, en: &str| {
        assert_eq!(quantity(Language::Vi, value, unit), vi);
        assert_eq!(quantity(Language::En, value, unit), en);
    };
    check(312.54, "ug/m3", "312,5 µg/m³", "312.5 µg/m³");
    check(0.0, "m", "0 m", "0 m");
    check(-2.5, "Cel", "-2,5 °C", "-2.5 °C");
    check(12_345.678, "1", "12346", "12346");
    check(0.000_123_4, "m3/s", "0,000123 m³/s", "0.000123 m³/s");
    for (metres, expected) in
        [(50.0, "50 m"), (994.0, "990 m"), (996.0, "1,0 km"), (9_940.0, "9,9 km"), (9_960.0, "10 km")]
    {
        assert_eq!(distance(Language::Vi, metres), expected);
    }
}
