use super::*;
use crate::alerts::tests::{catalogue, rule};
use crate::model::Severity;

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
    let Condition::Levels { levels, unknown_after, .. } = &found.condition else { panic!("{found:?}") };
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
        "a.toml:11: rule[0].foo: unknown key; known here: absence, all, any, area,",
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

#[test]
fn every_key_of_every_condition_is_read() {
    let body = "property = 'pm2_5'\ntext = { vi = 'Đeo khẩu trang', en = 'Wear a mask' }\nsource = 'Decision 1'\n\
        cause = 'smoke'\nlatched = true\nflapping = { raises = 4, within = '30m' }\n\
        calendar = { months = [11, 12, 1], days = ['mon', 'sun'], from = '21:30', to = '06:00' }\n\
        of = { fn = 'mean', over = '1h', completeness = 0.5 }\nlevels = [{ severity = 'low', above = 1 }]";
    let rules = parse(&rule(body), &catalogue(), &mut Vec::new()).unwrap();
    let found = rules.named("dust").unwrap();
    assert_eq!(found.text.as_ref().map(|text| text.en.as_str()), Some("Wear a mask"));
    assert_eq!((found.source.as_deref(), found.cause.as_str(), found.latched), (Some("Decision 1"), "smoke", true));
    assert_eq!(found.flapping, Some(Flapping { raises: 4, within: Duration::from_secs(1_800) }));
    let calendar = found.calendar.as_ref().unwrap();
    assert_eq!((calendar.months, calendar.days), (0b1100_0000_0001, 0b100_0001));
    assert_eq!((calendar.from_minute, calendar.to_minute), (21 * 60 + 30, 6 * 60));
    let over = Duration::from_secs(3_600);
    assert_eq!(*found.condition.of(), Of::Window { reduce: Reduce::Mean, over, completeness: 0.5 });
    let plain = parse(&rule(&format!("property = 'pm2_5'\n{LEVELS}")), &catalogue(), &mut Vec::new()).unwrap();
    let plain = plain.named("dust").unwrap();
    assert_eq!((plain.cause.as_str(), plain.flapping, plain.latched), ("pm2_5", Some(Flapping::DEFAULT), false));

    let parts = "severity = 'high'\nany = [{ property = 'pm2_5', above = 5, clear = 4, unit = 'mg/m3' }, \
        { property = 'water_level', below = 1, of = { fn = 'rate', over = '10m' } }]";
    let rules = parse(&rule(parts), &catalogue(), &mut Vec::new()).unwrap();
    let Condition::Joined { join, parts, severity, .. } = &rules.list()[0].condition else { panic!() };
    assert_eq!((*join, *severity, parts.len()), (Join::Any, Severity::High, 2));
    assert_eq!(parts[0].limit_in(Unit::MicrogramPerCubicMetre).unwrap().clear, 4_000.0);
    assert!(matches!(parts[1].of, Of::Rate { .. }));

    let count = "property = 'pm2_5'\nbelow = 5\nclear = 6\ncount = { per = 'province' }\n\
        levels = [{ severity = 'low', above = 2 }]";
    let rules = parse(&rule(count), &catalogue(), &mut Vec::new()).unwrap();
    let Condition::Count { per, part, levels, .. } = &rules.list()[0].condition else { panic!() };
    assert_eq!((*per, part.limit.clear, levels.steps().len()), (crate::model::AreaLevel::Province, 6.0, 1));
}

#[test]
fn mistakes_of_conditions_are_told_each_on_its_key() {
    let body = |more: &str| format!("property = 'pm2_5'\n{more}\n");
    let of = |of: &str| body(&format!("of = {{ {of} }}\n{LEVELS}"));
    check(&of("fn = 'median', over = '1h'"), &["dust.toml:5: rule[0].of.fn: must be one of sum, mean, min, max, rate"]);
    check(
        &of("fn = 'sum', over = '99d', completeness = 2, x = 1"),
        &[
            "dust.toml:5: rule[0].of.over: must be longer than nothing and at most 31d",
            "dust.toml:5: rule[0].of.x: unknown key",
        ],
    );
    check(&of("fn = 'sum', over = '1h', completeness = 2"), &["dust.toml:5: rule[0].of.completeness: must be a share"]);
    check(&of("fn = 'max', over = '31d'"), &["dust.toml:5: rule[0].of: 31d holds more than 10000 samples of AQ-01"]);
    check(&of("fn = 'rate', over = '1m'"), &["dust.toml:5: rule[0].of: 1m is shorter than two intervals of AQ-01"]);
    check(&of("fn = 'difference'"), &["dust.toml:5: rule[0].of.to: is missing"]);
    check(
        &body(&format!("of = {{ fn = 'sum', over = '1h' }}\ntimes = {{ n = 6, of = 5 }}\n{LEVELS}")),
        &[
            "dust.toml:6: rule[0].times: n must not be greater",
            "dust.toml:6: rule[0].times: goes with the samples themselves",
        ],
    );
    check(
        &body(&format!("times = {{ n = 1.5, of = 0 }}\n{LEVELS}")),
        &["dust.toml:5: rule[0].times.n: must be a whole", "dust.toml:5: rule[0].times.of: must be a whole"],
    );
    check(
        "severity = 'high'\nproperty = 'pm2_5'\nall = [{ property = 'pm2_5' }, { above = 1, clear = 2, property = 'a' }]",
        &[
            "dust.toml:5: rule[0].property: does not go with all or any",
            "dust.toml:6: rule[0].all[0]: a part has either above or below",
            "dust.toml:6: rule[0].all[1].clear: the clear level lies beyond",
        ],
    );
    check("all = [{ property = 'pm2_5', above = 1 }]", &["dust.toml:1: rule[0].severity: is missing"]);
    check(
        &body("count = { per = 'village' }\nlevels = [{ severity = 'low', below = 2 }]"),
        &[
            "dust.toml:1: rule[0]: a part has either above or below",
            "dust.toml:5: rule[0].count.per: must be one of commune, province",
            "dust.toml:6: rule[0].levels: of a count are numbers of stations",
        ],
    );
}

#[test]
fn mistakes_of_what_goes_with_any_condition_are_told_in_one_run() {
    let body = format!(
        "property = 'pm2_5'\ntext = {{ vi = 'x' }}\nsource = ''\ncause = 'Big Fire'\nlatched = 'yes'\n\
        flapping = {{ raises = 1, within = 'soon' }}\n\
        calendar = {{ months = [0, 13], days = ['monday'], from = '6:00', to = '25:00', zone = 'Asia/Nowhere' }}\n{LEVELS}"
    );
    check(
        &body,
        &[
            "dust.toml:5: rule[0].text.en: is missing",
            "dust.toml:6: rule[0].source: must have 1 to 500",
            "dust.toml:7: rule[0].cause: must have 1 to 64",
            "dust.toml:8: rule[0].latched: must be true or false",
            "dust.toml:9: rule[0].flapping.raises: must be a whole number from 2 to 100",
            "dust.toml:9: rule[0].flapping.within: ",
            "dust.toml:10: rule[0].calendar.months: must be a list of numbers from 1 to 12",
            "dust.toml:10: rule[0].calendar.days: must be a list of mon,",
            "dust.toml:10: rule[0].calendar.from: must be a time of day",
            "dust.toml:10: rule[0].calendar.to: must be a time of day",
            "dust.toml:10: rule[0].calendar.zone: \"Asia/Nowhere\" is not a time zone",
        ],
    );
    let body = format!("property = 'pm2_5'\ncalendar = {{ from = '06:00', to = '06:00' }}\n{LEVELS}");
    check(&body, &["dust.toml:5: rule[0].calendar.to: is the same as from"]);
}

#[test]
fn a_difference_to_a_station_that_nobody_registered_is_told_and_stops_no_rule() {
    let body = format!("property = 'pm2_5'\nof = {{ fn = 'difference', to = 'AQ-77' }}\n{LEVELS}");
    let mut doubts = Vec::new();
    parse(&rule(&body), &catalogue(), &mut doubts).unwrap();
    assert!(doubts[0].to_string().contains("rule[0].of.to: there is no station \"AQ-77\""), "{doubts:?}");
}
