//! `saola check`: what it says about the section and, when asked, about the InfluxDB itself.

use std::process::Command;

use super::fixture::House;
use super::scripted::{Deed, Scripted};

struct Checked {
    house: House,
    province: tempfile::TempDir,
}

impl Checked {
    fn new(url: &str) -> Checked {
        let province = tempfile::tempdir().unwrap();
        for folder in ["stations", "areas"] {
            std::fs::create_dir(province.path().join(folder)).unwrap();
        }
        Checked { house: House::new(url), province }
    }

    /// Exit code and everything said.
    fn run(&self, section: &str, arguments: &[&str]) -> (i32, String) {
        let path = self.province.path().join("saola.toml");
        std::fs::write(&path, section).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_saola"));
        let output = command.args(["check", "--config"]).arg(&path).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let folder = self.province.path().display().to_string();
        let said = String::from_utf8(said).unwrap().replace(&folder, "DIR");
        // A province without a station is worth a warning, and not what is asked here.
        let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("warning: ")).collect();
        (output.status.code().unwrap(), lines.join("\n"))
    }

    fn section(&self) -> String {
        let influx = &self.house.config.influx;
        let token = influx.token_file.as_ref().unwrap().display();
        let (url, org) = (&influx.url, &influx.org);
        format!("[store]\nkind = \"influx\"\n[store.influx]\nurl = {url:?}\norg = {org:?}\ntoken_file = \"{token}\"\n")
    }
}

#[test]
fn mistakes_in_the_section_name_file_line_and_key() {
    let checked = Checked::new("http://127.0.0.1:1");
    let check = |section: &str, expected: &[&str]| {
        let (code, said) = checked.run(section, &[]);
        assert_eq!((code, said.lines().collect::<Vec<_>>()), (64, expected.to_vec()));
    };
    check("[store]\nkind = \"influxdb\"\n", &["DIR/saola.toml:2: store.kind: must be \"embedded\" or \"influx\""]);
    check(
        "[store]\nkind = \"influx\"\n[store.influx]\nurl = \"https://db.example/x\"\nbackoff_min_ms = 60000\n",
        &[
            "DIR/saola.toml:3: store.influx.org: must name the organisation when store.kind is influx",
            "DIR/saola.toml:3: store.influx.token_file: must name the token's file when store.kind is influx",
            "DIR/saola.toml:4: store.influx.url: must be http://host:port or https://host:port, without a path",
            "DIR/saola.toml:5: store.influx.backoff_min_ms: must be at most influx.backoff_max_ms",
        ],
    );
    check(
        "[store.influx]\nurl = 5\nbatch_points = 0\ntokenfile = \"x\"\n",
        &[
            "DIR/saola.toml:2: store.influx.url: must be a text in quotes, not integer 5",
            "DIR/saola.toml:3: store.influx.batch_points: must be 1 to 50000, not 0",
            "DIR/saola.toml:4: store.influx.tokenfile: unknown key; known here: url, org, bucket, token_file, ca_file, batch_points, \
             batch_bytes, batch_wait_ms, request_timeout_s, backoff_min_ms, backoff_max_ms",
        ],
    );
}

#[test]
fn the_network_is_left_alone_unless_told() {
    let server = Scripted::start();
    let checked = Checked::new(&server.url());
    let (code, said) = checked.run(&checked.section(), &[]);
    assert_eq!((code, said.as_str()), (0, "DIR/saola.toml is right: 0 stations, 0 areas, 0 rules"));
    assert_eq!(server.inner.lock().asked.len(), 0);
    let (code, said) = checked.run("", &["--influx"]);
    assert!(code == 1 && said.ends_with("store.kind is \"embedded\": there is no InfluxDB to ask"), "{said}");
}

#[test]
fn token_and_bucket_are_told_in_sentences_and_the_bucket_is_made() {
    let server = Scripted::start();
    let checked = Checked::new(&server.url());
    let url = server.url();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let (found, said) = checked.run(&checked.section(), arguments);
        assert!(found == code && said.contains(expected), "{found}: {said}");
    };
    let ready = format!("InfluxDB at {url}: the token may read and write the bucket \"saola\"");
    check(&["--influx"], 0, &ready);
    assert!(server.inner.lock().points.is_empty(), "nothing is written");
    server.inner.lock().bucket = None;
    check(&["--influx"], 1, "the token is good, but sees no bucket \"saola\"; `saola check --create-bucket` makes it");
    check(&["--create-bucket"], 0, &format!("InfluxDB at {url}: the bucket \"saola\" was made\n{ready}"));
    assert_eq!(server.inner.lock().bucket.as_deref(), Some("saola"));
    check(&["--create-bucket"], 0, &ready);
    // A token that may read and not write.
    let read_only = "{\"code\":\"forbidden\",\"message\":\"insufficient permissions for write\"}";
    server.does([Deed::Serve, Deed::Answer("403 Forbidden", "", read_only)]);
    check(&["--influx"], 1, "it refuses the token (403: insufficient permissions for write)");
    server.inner.lock().token = "another".to_owned();
    check(&["--influx"], 1, "it refuses the token (401: unauthorized access): put one that may");
    server.habit(Deed::Answer("200 OK", "", "<html>hello</html>"));
    check(&["--influx"], 1, &format!("InfluxDB at {url}: "));
    drop(server);
    check(&["--influx"], 1, "it cannot be reached");
}
