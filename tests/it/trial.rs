//! Rules on trial: every shipped rule has its tests, and the command line says what became of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use saola::alerts::{Rules, check_rules};
use saola::model::{Catalogue, RuleFile};
use saola::registry::Declared;
use saola::trial::{self, Outcome};

use crate::service::{BINARY, Province, Service, Wishes};

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

fn toml_files(folder: &Path) -> Vec<RuleFile> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    paths.sort();
    let read = |path: &PathBuf| RuleFile {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        text: std::fs::read_to_string(path).unwrap(),
    };
    paths.iter().map(read).collect()
}

fn checked(files: &[RuleFile], catalogue: &Catalogue) -> Rules {
    check_rules(files, catalogue, &mut Vec::new()).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn outcomes(file: &RuleFile, rules: &Rules, catalogue: &Catalogue) -> Vec<Outcome> {
    let cases = trial::read(file, rules, catalogue).unwrap_or_else(|mistakes| {
        panic!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    cases.iter().map(trial::Case::run).collect()
}

fn told(outcome: &Outcome) -> String {
    let lines: Vec<String> = outcome.lines.iter().map(|line| format!("    {line}")).collect();
    format!("{}:{}: {}\n{}", outcome.file, outcome.line, outcome.name, lines.join("\n"))
}

#[test]
fn every_shipped_rule_has_a_test_that_raises_it_and_one_that_must_not_and_all_pass() {
    let catalogue = Declared::read(&config()).unwrap().catalogue();
    let rules = checked(&toml_files(&config().join("rules")), &catalogue);
    let (mut raising, mut quiet, mut failed) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for file in toml_files(&config().join("rules/tests")) {
        let named = trial::named_rules(&file);
        let own: Vec<RuleFile> = named
            .iter()
            .map(|name| {
                let text = std::fs::read_to_string(config().join("rules/tests").join(name)).unwrap();
                RuleFile { name: name.clone(), text }
            })
            .collect();
        let own = (!own.is_empty()).then(|| checked(&own, &catalogue));
        for outcome in outcomes(&file, own.as_ref().unwrap_or(&rules), &catalogue) {
            failed.extend((!outcome.passed()).then(|| told(&outcome)));
            for rule in &outcome.rules {
                let kind = if outcome.raised.contains(rule) { &mut raising } else { &mut quiet };
                kind.insert(rule.clone());
            }
        }
    }
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
    for rule in rules.list() {
        assert!(raising.contains(&rule.name), "no test raises {}", rule.name);
        assert!(quiet.contains(&rule.name), "no test shows when {} must not raise", rule.name);
    }
}

#[test]
fn every_shipped_rule_says_what_to_do_and_where_it_is_from() {
    let catalogue = Declared::read(&config()).unwrap().catalogue();
    for rule in checked(&toml_files(&config().join("rules")), &catalogue).list() {
        let text = rule.text.as_ref().unwrap_or_else(|| panic!("{} does not say what to do", rule.name));
        assert!(!text.vi.is_ascii() && text.en.chars().all(|c| !"ăđơưạả".contains(c)), "{}: {text:?}", rule.name);
        let source = rule.source.as_deref().unwrap_or_default();
        let honest = ["confirmed", "our choice", "recalled", "definition"].iter().any(|word| source.contains(word));
        assert!(honest, "{}: the source does not say how sure it is: {source:?}", rule.name);
    }
}

fn saola(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

#[test]
fn the_command_line_tells_passed_failed_and_wrong_tests_apart() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let rule = "[[rule]]\nname = 'dust'\ntitle = { vi = 'Bụi', en = 'Dust' }\nproperty = 'pm2_5'\nfor = '10m'\n\
        levels = [{ severity = 'low', above = 50 }]\n";
    file("rules/air.toml", rule);
    let test = |expect: &str| {
        format!("[[test]]\nrule = 'dust'\nevery = '5m'\nseries = {{ pm2_5 = '20 60x4' }}\nexpect = {expect}\n")
    };
    let check = |arguments: &[&str], code: i32, expected: &[&str]| {
        let output = saola(&[&["rules", "test"], arguments].concat());
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{told}");
        expected.iter().for_each(|expected| assert!(told.contains(expected), "{told:?} does not say {expected:?}"));
    };
    let good = file("rules/tests/good.toml", &test("['15m active low']"));
    let bad = file("rules/tests/bad.toml", &test("['20m active low']"));
    let wrong = file("rules/tests/wrong.toml", &test("['soon active low']"));
    check(&[&good], 0, &["1 passed"]);
    check(
        &[&good, &bad],
        1,
        &["bad.toml:1: test at line 1: failed", "- 20m active low", "+ 15m active low value", "1 failed, 1 passed"],
    );
    check(&["--json", &bad], 1, &["\"passed\": false", "\"+ 15m active low value\""]);
    check(&[&wrong], 65, &["wrong.toml:5: test[0].expect: \"soon\" is neither"]);
    check(&["nowhere.toml"], 64, &["nowhere.toml: cannot be read"]);
    let other = file("other/own.toml", &format!("rules = ['../rules/air.toml']\n{}", test("['15m active low']")));
    check(&[&other], 0, &["1 passed"]);
    file("rules/air.toml", "[[rule]]\nname = 'dust'\n");
    check(&[&good], 64, &["air.toml:1: rule[0].title: is missing"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backtest_says_the_same_of_a_running_service_and_of_its_folder() {
    let province = Province::Weather { stations: vec!["W-1".to_owned()], rules: String::new() };
    let mut service = Service::start(&Wishes { province, config: String::new() }).await;
    assert_eq!(service.terminate(), Some(0));
    let config = service.config_path().display().to_string();
    let mut rows = "time,channel,value\n".to_owned();
    for hour in 0..480u32 {
        let (day, hour_of_day) = (1 + hour / 24, hour % 24);
        let value = if hour_of_day == 14 { 30 + day } else { 20 };
        rows.push_str(&format!("2026-03-{day:02}T{hour_of_day:02}:00:00Z,W-1/air_temperature,{value}\n"));
    }
    let csv = service.file("rows.csv");
    std::fs::write(&csv, rows).unwrap();
    let imported = saola(&["import", "--config", &config, "--format", "csv", &csv.display().to_string()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let rule = service.file("hot.toml");
    let text = "[[rule]]\nname = 'hot'\ntitle = { vi = 'Nóng', en = 'Hot' }\nproperty = 'air_temperature'\n\
        levels = [{ severity = 'low', above = 34.5 }, { severity = 'high', above = 44.5 }]\n";
    std::fs::write(&rule, text).unwrap();
    let rule = rule.display().to_string();
    let backtest = [
        "rules",
        "backtest",
        "--rule",
        &rule,
        "--from",
        "2026-03-01T00:00:00Z",
        "--to",
        "2026-03-21T00:00:00Z",
        "--json",
    ];
    let offline = saola(&[&backtest[..], &["--config", &config]].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(offline.status.success(), "{}", text(&offline.stderr));
    let report: serde_json::Value = serde_json::from_slice(&offline.stdout).unwrap();
    let numbers = &report["rules"][0]["numbers"];
    assert_eq!((&numbers["alerts"], &numbers["severities"][1]["alerts"]), (&16.into(), &6.into()), "{report:#}");
    let in_use = {
        service.start_again().await;
        saola(&[&backtest[..], &["--config", &config]].concat())
    };
    assert_eq!(in_use.status.code(), Some(1));
    assert!(text(&in_use.stderr).contains("leave --config out"), "{}", text(&in_use.stderr));
    let online = service.command(&backtest).await;
    assert!(online.status.success(), "{}", text(&online.stderr));
    assert_eq!(text(&online.stdout), text(&offline.stdout));
}
