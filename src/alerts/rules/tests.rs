use super::*;
use crate::alerts::tests::{catalogue, rule};

fn mistakes(files: &[RuleFile]) -> Vec<String> {
    let found = parse(files, &catalogue(), &mut Vec::new()).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

/// One rule with `body` after its name and title (lines 1 to 3), and the beginnings of the mistakes in it.
#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let found = mistakes(&rule(body));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

const LEVELS: &str = "levels = [{ severity = 'high', above = 5 }]";

#[test]
fn a_whole_rule_is_read() {
    let body = "property = 'pm2_5'\nkind = ['air', 'weather']\narea = '12'\nstations = ['AQ-01', 'Đồi-2']\n\
        unit = 'mg/m3'\nfor = '1m30s'\nclear_for = '1h'\nabsence = '30m'\nenabled = false\n\
        levels = [{ severity = 'low', above = 1 }, { severity = 'catastrophic', above = 2.5, clear = 1.5 }]";
    let rules = parse(&rule(body), &catalogue(), &mut Vec::new()).unwrap();
    let found = rules.named("dust").unwrap();
    assert_eq!(found.scope.kinds, [StationKind::Air, StationKind::Weather]);
    assert_eq!((found.hold, found.clear_for), (Duration::from_secs(90), Duration::from_secs(3600)));
    assert_eq!(found.unit, Some(Unit::MilligramPerCubicMetre));
    assert!(!found.enabled);
    let Condition::Levels { levels, unknown_after } = &found.condition else { panic!("{found:?}") };
    assert_eq!(*unknown_after, Some(Duration::from_secs(1800)));
    assert_eq!(levels.steps()[1], Level { severity: Severity::Catastrophic, threshold: 2.5, clear: 1.5 });
    let in_channel = found.levels_in(Unit::MicrogramPerCubicMetre).unwrap();
    assert_eq!(in_channel.steps()[1].threshold, 2500.0);
    assert_eq!(rules.named("other"), None);
}

#[test]
fn every_mistake_of_every_file_is_told_in_one_run() {
    let first = RuleFile {
        name: "a.toml".into(),
        text: "[[rule]]\nname = 'A b'\ntitle = { vi = 'x' }\nproperty = 'PM 2.5'\nkind = 'airport'\narea = '99'\n\
            stations = ['nowhere', 3]\nunit = 'furlong'\nfor = '99d'\nlevels = []\nfoo = 1\n"
            .into(),
    };
    let second = RuleFile { name: "b.toml".into(), text: format!("[[rule]]\nname = 'ok'\n{LEVELS}\n[rule.x]\n") };
    let found = mistakes(&[first, second]);
    let expected = [
        "a.toml:2: rule[0].name: must have 1 to 40",
        "a.toml:3: rule[0].title.en: is missing",
        "a.toml:4: rule[0].property: must have 1 to 64",
        "a.toml:5: rule[0].kind: \"airport\" is not a kind of station; known: traffic, air,",
        "a.toml:6: rule[0].area: there is no area \"99\"",
        "a.toml:7: rule[0].stations: must be a list of texts only, not 3",
        "a.toml:8: rule[0].unit: \"furlong\" is not a known unit",
        "a.toml:9: rule[0].for: must be at most 31d",
        "a.toml:10: rule[0].levels: must be a list of one to five levels",
        "a.toml:11: rule[0].foo: unknown key; known here: absence, area,",
        "b.toml:1: rule[0].title: is missing",
        "b.toml:1: rule[0].property: is missing",
        "b.toml:4: rule[0].x: unknown key",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
}

#[test]
fn a_station_that_nobody_registered_is_told_and_stops_no_rule() {
    let body = format!("property = 'pm2_5'\nstations = ['AQ-01', 'AQ-77']\n{LEVELS}");
    let mut doubts = Vec::new();
    let rules = parse(&rule(&body), &catalogue(), &mut doubts).unwrap();
    assert_eq!(rules.list().len(), 1);
    let [doubt] = doubts.as_slice() else { panic!("{doubts:#?}") };
    assert!(doubt.to_string().contains(":5: rule[0].stations: there is no station \"AQ-77\""), "{doubt}");
}

#[test]
fn levels_must_nest() {
    let levels = |levels: &str| format!("property = 'pm2_5'\nlevels = [{levels}]");
    let low = "{ severity = 'low', above = 5, clear = 4 }";
    check(
        &levels(&format!("{low}, {{ severity = 'low', above = 6 }}")),
        &["dust.toml:5: rule[0].levels[1]: levels must"],
    );
    check(
        &levels(&format!("{low}, {{ severity = 'high', above = 5 }}")),
        &["dust.toml:5: rule[0].levels[1]: the threshold must"],
    );
    check(
        &levels(&format!("{low}, {{ severity = 'high', above = 9, clear = 3 }}")),
        &["dust.toml:5: rule[0].levels[1]: the clear level must"],
    );
    check(
        &levels("{ severity = 'low', above = 5, clear = 6 }"),
        &["dust.toml:5: rule[0].levels[0]: the clear level lies"],
    );
    check(
        &levels("{ severity = 'low', below = 5, clear = 4 }"),
        &["dust.toml:5: rule[0].levels[0]: the clear level lies"],
    );
    check(&levels(&format!("{low}, {{ severity = 'high', below = 1 }}")), &["dust.toml:5: rule[0].levels: all levels"]);
    check(
        &levels("{ severity = 'low', above = 5, below = 4 }"),
        &["dust.toml:5: rule[0].levels[0]: a level has either"],
    );
    check(&levels("{ severity = 'low' }"), &["dust.toml:5: rule[0].levels[0]: a level has either"]);
    check(
        &levels("{ severity = 'bad', above = nan, x = 1 }"),
        &[
            "dust.toml:5: rule[0].levels[0].severity: must be one of low,",
            "dust.toml:5: rule[0].levels[0].above: must be a number",
            "dust.toml:5: rule[0].levels[0].x: unknown key",
        ],
    );
}

#[test]
fn a_rule_fits_its_channels() {
    let body = |more: &str| format!("property = 'pm2_5'\n{more}\n");
    check(&body(&format!("unit = 'Cel'\n{LEVELS}")), &["dust.toml:5: rule[0].unit: Cel cannot be converted to ug/m3"]);
    check(
        &body(&format!("absence = '1m'\n{LEVELS}")),
        &["dust.toml:5: rule[0].absence: 1m is shorter than AQ-01/pm2_5"],
    );
    check(&body("absence = { after = '1m', severity = 'low' }"), &["dust.toml:5: rule[0].absence: 1m is shorter"]);
    check(
        &body(&format!("absence = {{ after = '1h', severity = 'low' }}\n{LEVELS}")),
        &["dust.toml:5: rule[0].absence: a rule for absence has"],
    );
    check(
        &body("absence = { after = 5, sev = 'low' }"),
        &[
            "dust.toml:5: rule[0].absence.after: must be a length of time",
            "dust.toml:5: rule[0].absence.severity: is missing",
            "dust.toml:5: rule[0].absence.sev: unknown key",
        ],
    );
    check(&body(""), &["dust.toml:1: rule[0].levels: is missing"]);
}

#[test]
fn a_name_stands_once_in_all_files() {
    let mut files = rule(&format!("property = 'pm2_5'\n{LEVELS}"));
    files.push(RuleFile { name: "other.toml".into(), text: files[0].text.clone() });
    assert_eq!(
        mistakes(&files),
        ["other.toml:2: rule[0].name: \"dust\" is the name of another rule already, at dust.toml:1"]
    );
}

#[test]
fn a_slip_in_the_syntax_refuses_the_file() {
    check("property = 'pm2_5\nlevels = [{ severity = 'low', above = 1 }]", &["dust.toml:4: "]);
}
