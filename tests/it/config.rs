//! The configuration: the shipped file against the defaults, and every key made wrong in turn.

mod province;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use saola::config::{self, Bounds, Config, DEFAULT_FILE, RANGES};
use saola::model::{Mistake, Span};

/// A folder with an empty province, the files that the optional parts name, and a configuration.
struct House {
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let house = House { folder: tempfile::tempdir().unwrap() };
        for name in ["stations", "areas"] {
            std::fs::create_dir(house.path(name)).unwrap();
        }
        for name in [
            "edge.pem",
            "edge.key",
            "devices-ca.pem",
            "broker.password",
            "broker-ca.pem",
            "influx.token",
            "influx-ca.pem",
            "mail.password",
            "mail-ca.pem",
            "sms.secret",
            "sms-report.secret",
            "sms-ca.pem",
            "dispatch.secret",
            "dispatch-ca.pem",
        ] {
            house.put(name, "k7#mQ2!vT9xw", 0o600);
        }
        house
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.path(name), text).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self, text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<Mistake>> {
        self.put("saola.toml", text, 0o600);
        let variables: Vec<(String, String)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        config::load_with(&self.path("saola.toml"), &variables)
    }

    /// The mistakes as `line key: message`.
    fn mistakes(&self, text: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let mistakes = self.load(text, variables).err().unwrap_or_default();
        mistakes.iter().map(|mistake| format!("{} {}: {}", mistake.line, mistake.key, mistake.message)).collect()
    }

    fn check(&self, text: &str, variables: &[(&str, &str)], expected: &[&str]) {
        let found = self.mistakes(text, variables);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
        }
    }
}

/// The shipped file with its optional parts switched on, and a hash that is one. The examples of sources are left as
/// they are: their tables have keys of their own, and `sources` tests them.
fn everything() -> String {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b5dWRWJTmaaJObG6bq3zd7aJlU";
    let (settings, _) = DEFAULT_FILE.split_once("#[[source]]").unwrap();
    let switched: Vec<String> = settings
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => rest.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    let text = switched.join("\n") + "\n";
    // A password needs a name to go with it and open data a publisher, which the shown defaults are not.
    let text =
        text.replace("publisher = \"\"", "publisher = \"UBND\"").replace("username = \"\"", "username = \"saola\"");
    text.replace("$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH", hash)
}

/// Every `key = value` of a text: its line from 0, its whole path with places in lists, its value.
fn keys(text: &str) -> Vec<(usize, String, toml::Value)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
            section = format!("{name}[0].");
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let value: toml::Table = toml::from_str(&format!("v = {value}")).unwrap();
            found.push((number, format!("{section}{key}"), value["v"].clone()));
        }
    }
    found
}

fn bounds_of(key: &str) -> Option<Bounds> {
    let pattern = key.replace("[0]", "");
    RANGES.iter().find(|(known, _)| *known == pattern).map(|(_, bounds)| *bounds)
}

fn with_line(text: &str, number: usize, line: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines[number] = line;
    lines.join("\n") + "\n"
}

fn with_line_after(text: &str, number: usize, line: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.insert(number + 1, line);
    lines.join("\n") + "\n"
}

/// Paths of all leaves of a value, without places in lists.
fn leaves(value: &toml::Value, path: &str, found: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                leaves(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, found);
            }
        }
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            list.iter().for_each(|value| leaves(value, path, found));
        }
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn the_shipped_file_says_what_the_defaults_are() {
    let read: Config = toml::from_str(DEFAULT_FILE).unwrap();
    assert_eq!(read, Config::default());
    let house = House::new();
    let loaded = house.load(DEFAULT_FILE, &[]).unwrap();
    assert_eq!(loaded, Config { province_dir: house.folder.path().to_owned(), ..Config::default() });
    assert_eq!(house.load("", &[]).unwrap(), loaded, "an empty file is the same");
}

#[test]
fn the_shipped_file_names_every_key_there_is() {
    let mut full: Config = toml::from_str(&everything()).unwrap();
    assert_eq!((full.mqtt.clients.len(), full.mqtt.edge.accounts.len(), full.mqtt.edge.tls.is_some()), (1, 1, true));
    let client = &mut full.mqtt.clients[0];
    assert!(client.password_file.is_some() && client.ca_file.is_some(), "all optional keys are shown");
    (client.password_file, client.ca_file, client.username) = (None, None, String::new());
    assert_eq!(*client, saola::mqtt::client::Config::default(), "a client's values are its defaults");

    // What serde writes of a configuration with everything in it is everything that can be written.
    let full: Config = toml::from_str(&everything()).unwrap();
    let mut known = Vec::new();
    leaves(&toml::Value::try_from(&full).unwrap(), "", &mut known);
    let mut shown: Vec<String> = keys(&everything()).into_iter().map(|(_, key, _)| key.replace("[0]", "")).collect();
    known.sort();
    shown.sort();
    assert_eq!(shown, known);
    let house = House::new();
    assert_eq!(house.mistakes(&everything(), &[]), [] as [String; 0]);
}

#[test]
fn every_key_is_documented_and_every_number_with_its_range() {
    let text = everything();
    let lines: Vec<&str> = text.lines().collect();
    for (number, key, value) in keys(&text) {
        let comment: Vec<&str> =
            lines[..number].iter().rev().take_while(|line| line.starts_with("# ")).copied().collect();
        let comment: String = comment.into_iter().rev().collect::<Vec<_>>().join(" ").replace(" # ", " ");
        assert!(comment.len() > 10, "{key} has no comment");
        match bounds_of(&key) {
            Some(bounds) => assert!(comment.contains(&bounds.to_string()), "{key}: {comment} does not say {bounds}"),
            None => assert!(!value.is_integer() && !value.is_float(), "{key} has no range"),
        }
        let is_span = value.as_str().is_some_and(|text| text.parse::<Span>().is_ok());
        assert_eq!(is_span, matches!(bounds_of(&key), Some(Bounds::Time(..))), "{key}");
        let unit = ["bytes", "seconds", "_ms", "_s"].iter().any(|unit| key.ends_with(unit));
        let says = ["bytes", "Bytes", "seconds", "Seconds", "milliseconds"].iter().any(|word| comment.contains(word));
        assert!(!unit || says, "{key}: {comment} does not say its unit");
    }
    for (key, _) in RANGES {
        assert!(keys(&text).iter().any(|(_, found, _)| found.replace("[0]", "") == *key), "{key} is no key");
    }
}

/// Values of another type, and values beyond all sense, for a key.
fn wrong_values(key: &str, value: &toml::Value) -> Vec<String> {
    let mut wrong: Vec<String> = match value {
        toml::Value::String(_) => {
            vec!["5".into(), "[]".into(), "true".into(), format!("\"{}\"", "x".repeat(5_000)), "\"a\\u0000\"".into()]
        }
        toml::Value::Integer(_) => {
            vec!["\"many\"".into(), "1.5".into(), "true".into(), "[1]".into(), "99999999999999999999".into()]
        }
        toml::Value::Boolean(_) => vec!["1".into(), "\"yes\"".into(), "{ a = 1 }".into()],
        toml::Value::Array(_) => vec!["5".into(), "\"a\"".into(), "[\"a\", 5]".into(), "[\"a/#/b\"]".into()],
        other => panic!("{other}"),
    };
    match bounds_of(key) {
        Some(Bounds::Count(least, most)) => {
            wrong.extend([(least - 1).to_string(), (most + 1).to_string(), i64::MAX.to_string(), i64::MIN.to_string()]);
        }
        Some(Bounds::Time(least, most)) => {
            wrong.extend([
                format!("\"{}us\"", most.micros() + 1),
                "\"1.5h\"".into(),
                "\"-1s\"".into(),
                "\"584000w\"".into(),
            ]);
            if least > Span::ZERO {
                wrong.push("\"0s\"".into());
            }
        }
        None => {}
    }
    wrong
}

#[test]
fn each_key_made_wrong_is_reported_with_its_line_and_nothing_else_is() {
    let house = House::new();
    let text = everything();
    for (number, key, value) in keys(&text) {
        let line = text.lines().nth(number).unwrap();
        let (name, _) = line.split_once(" = ").unwrap();
        for wrong in wrong_values(&key, &value) {
            let found = house.mistakes(&with_line(&text, number, &format!("{name} = {wrong}")), &[]);
            let expected = format!("{} {key}", number + 1);
            assert!(found.first().is_some_and(|first| first.starts_with(&expected)), "{key} = {wrong}: {found:?}");
            // Of a list each wrong entry is a mistake.
            let most = if value.is_array() { 2 } else { 1 };
            let is_of_it = |found: &String| found.starts_with(&expected);
            assert!(found.len() <= most && found.iter().all(is_of_it), "{key} = {wrong}: {found:#?}");
        }
        let found = house.mistakes(&with_line_after(&text, number, "zzz = 1"), &[]);
        assert!(found.len() == 1 && found[0].starts_with(&format!("{} ", number + 2)), "{key}: {found:?}");
        assert!(found[0].contains("zzz: unknown key; known here: "), "{found:?}");
    }
}

#[test]
fn all_keys_wrong_at_once_are_all_reported() {
    let house = House::new();
    let mut text = everything();
    let keys = keys(&text);
    for (number, ..) in &keys {
        let line = text.lines().nth(*number).unwrap().to_owned();
        let (name, _) = line.split_once(" = ").unwrap();
        text = with_line(&text, *number, &format!("{name} = {{ a = 1 }}"));
    }
    let found = house.mistakes(&text, &[]);
    let expected: Vec<String> = keys.iter().map(|(number, key, _)| format!("{} {key}", number + 1)).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.starts_with(expected.as_str()), "{found} does not start with {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_few_mistakes_are_all_reported(picks in prop::collection::btree_map(0usize..1_000, any::<prop::sample::Index>(), 1..8)) {
        let house = House::new();
        let mut text = everything();
        let all = keys(&text);
        let mut lines = std::collections::BTreeSet::new();
        for (pick, kind) in picks {
            let (number, key, value) = &all[pick % all.len()];
            if !lines.insert(number + 1) {
                continue;
            }
            let wrong = wrong_values(key, value);
            let line = text.lines().nth(*number).unwrap().to_owned();
            let (name, _) = line.split_once(" = ").unwrap();
            text = with_line(&text, *number, &format!("{name} = {}", wrong[kind.index(wrong.len())]));
        }
        let found = house.mistakes(&text, &[]);
        for line in &lines {
            prop_assert!(found.iter().any(|mistake| mistake.starts_with(&format!("{line} "))), "line {line}: {found:#?}");
        }
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[\n\\[\\]{}=\",.#' a0]|http|mqtt|client|listen|tick){0,120}") {
        let house = House::new();
        if let Err(mistakes) = house.load(&text, &[]) {
            prop_assert!(!mistakes.is_empty());
        }
    }
}

#[test]
fn a_missing_or_unreadable_file_is_a_mistake_of_its_own() {
    let mistakes = config::load(Path::new("/nonexistent/saola.toml")).unwrap_err();
    assert!(mistakes[0].to_string().starts_with("/nonexistent/saola.toml: cannot be read"), "{mistakes:?}");
    let house = House::new();
    std::fs::write(house.path("saola.toml"), b"log = \"info\"\n# \xff\n").unwrap();
    let mistakes = config::load_with(&house.path("saola.toml"), &[]).unwrap_err();
    assert_eq!(mistakes[0].line, 2);
}

#[test]
fn the_environment_goes_before_the_file() {
    let house = House::new();
    let loaded = house
        .load(
            "[http]\nlisten = \"127.0.0.1:1\"\n",
            &[
                ("SAOLA_HTTP", "127.0.0.1:2"),
                ("SAOLA_MQTT", "127.0.0.1:3"),
                ("SAOLA_DATA", "2025"),
                ("SAOLA__STORE__FLUSH_SAMPLES", "1000"),
                ("SAOLA__TICK", "2s"),
                ("SAOLA__MQTT__EDGE__ENABLED", "false"),
                ("SAOLA_TOKEN", "somebody else's"),
            ],
        )
        .unwrap();
    assert_eq!((loaded.http.listen.port(), loaded.mqtt.edge.listen.port()), (2, 3));
    assert_eq!((loaded.data_dir, loaded.store.flush_samples, loaded.mqtt.edge.enabled), ("2025".into(), 1_000, false));
    assert_eq!(loaded.tick, Span::from_seconds(2));
    house.check(
        "tick = \"9h\"\n",
        &[("SAOLA_HTTP", "here"), ("SAOLA__STORE__FLUSH_SAMPLES", "0"), ("SAOLA__TYPO", "1"), ("SAOLA__LOG__X", "1")],
        &[
            "1 tick: must be 100ms to 1m, not 9h",
            "0 SAOLA_HTTP: invalid socket address",
            "0 SAOLA__LOG__X: must be a text in quotes",
            "0 SAOLA__STORE__FLUSH_SAMPLES: must be 1 to 10000000, not 0",
            "0 SAOLA__TYPO: unknown key",
        ],
    );
}

#[test]
fn what_does_not_fit_together_is_reported() {
    let house = House::new();
    house.check(
        "[http]\nlisten = \"127.0.0.1:1883\"\n",
        &[],
        &["0 mqtt.edge.listen: 127.0.0.1:1883 is http.listen already"],
    );
    house.check("log = \"info,=\"\n", &[], &["1 log: is no list of directives"]);
    house.check("[journal]\ncap_bytes = 20000\n", &[], &["2 journal.cap_bytes: must be at least two segments"]);
    house.check(
        "[[mqtt.client]]\nname = \"edge\"\n[[mqtt.client]]\nname = \"a b\"\ntopics = [\"#/a\"]\nclient_id = \"x\"\n\
         [[mqtt.client]]\nname = \"c\"\nhost = \"\"\n[[mqtt.client]]\nname = \"c\"\ntopics = []\nbackoff_min_ms = 50000\n\
         password_file = \"broker.password\"\n",
        &[],
        &[
            "2 mqtt.client[0].name: edge is the name of another way in",
            "4 mqtt.client[1].name: must have 1 to 64",
            "5 mqtt.client[1].topics[0]: \"#/a\" is no topic filter",
            "9 mqtt.client[2].host: must name a broker",
            "10 mqtt.client[3].client_id: is mqtt.client[0]'s at the same broker",
            "10 mqtt.client[3].username: must be given",
            "11 mqtt.client[3].name: c is mqtt.client[2] already",
            "13 mqtt.client[3].backoff_min_ms: must be at most backoff_max_ms",
        ],
    );
}

#[test]
fn files_must_be_there_and_secrets_nobody_elses() {
    let house = House::new();
    let text = everything();
    for (name, key) in [
        ("edge.pem", "certificate"),
        ("edge.key", "key"),
        ("broker.password", "password_file"),
        ("broker-ca.pem", "ca_file"),
    ] {
        let before = std::fs::read_to_string(house.path(name)).unwrap();
        std::fs::remove_file(house.path(name)).unwrap();
        let found = house.mistakes(&text, &[]);
        assert!(found.len() == 1 && found[0].contains(key) && found[0].contains("cannot be read"), "{found:?}");
        house.put(name, "", 0o600);
        let found = house.mistakes(&text, &[]);
        assert!(found.len() == 1 && found[0].contains("is empty"), "{found:?}");
        house.put(name, &before, 0o644);
        let found = house.mistakes(&text, &[]);
        assert_eq!(found.len(), usize::from(key == "key" || key == "password_file"), "{found:?}");
        house.put(name, &before, 0o600);
    }
    for sample in ["changeme\n", " Password \nmore", "saola"] {
        house.put("broker.password", sample, 0o600);
        let found = house.mistakes(&text, &[]);
        assert!(found.len() == 1 && found[0].contains("everybody tries first"), "{found:?}");
        assert!(!found[0].to_lowercase().contains(sample.trim()), "the secret is not shown: {found:?}");
    }
    house.put("broker.password", "k7#mQ2!vT9xw", 0o600);
    std::fs::remove_dir_all(house.path("areas")).unwrap();
    house.check("province_dir = \"nowhere\"\n", &[], &["1 province_dir: there is no folder"]);
}

#[test]
fn a_watched_folder_holds_nothing_of_ours_and_lies_in_nothing_of_ours() {
    let house = House::new();
    std::fs::create_dir_all(house.path("data/in")).unwrap();
    std::fs::create_dir(house.path("drop")).unwrap();
    std::os::unix::fs::symlink(house.path("stations"), house.path("link")).unwrap();
    let check = |folders: &[&str], expected: &[&str]| {
        let section = |(place, folder): (usize, &&str)| {
            format!(
                "[[source]]\nname = \"s{place}\"\nfrom = [\"files\"]\nfolder = {folder:?}\ntopic = \"#\"\n\
                 decoder = \"station_file\"\nnames = {{ a = {{ property = \"air_temperature\", unit = \"Cel\" }} }}\n"
            )
        };
        let sections: String = folders.iter().enumerate().map(section).collect();
        let found = house.mistakes(&format!("data_dir = {:?}\n{sections}", house.path("data")), &[]);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found:?} does not contain {expected:?}");
        }
    };
    check(&["drop"], &[]);
    check(&["data/in"], &["folder: overlaps with data_dir"]);
    check(&["data/in/not/yet"], &["folder: overlaps with data_dir"]);
    check(&["drop/../rules/in"], &["folder: overlaps with a folder of the province"]);
    check(&["link"], &["folder: overlaps with a folder of the province"]);
    check(&["."], &["folder: holds the configuration itself"]);
    check(&["drop", "drop/../drop/in"], &["is watched by s0 already"]);
}

#[test]
fn hashes_in_a_file_that_everybody_may_read_are_refused() {
    let house = House::new();
    house.load(&everything(), &[]).unwrap();
    std::fs::set_permissions(house.path("saola.toml"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let mistakes = config::load_with(&house.path("saola.toml"), &[]).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].key == "mqtt.edge.account[0].password_hash" && mistakes[0].message.contains("chmod o-rwx"));
    let sample = everything()
        .replace("RdescudvJCsgt3ub+b5dWRWJTmaaJObG6bq3zd7aJlU", "HASH")
        .replace("$c29tZXNhbHRzb21lc2FsdA", "$SALT");
    let found = house.mistakes(&sample, &[]);
    assert!(found.len() == 1 && found[0].contains("password_hash"), "the sample's hash is refused: {found:?}");
}
