//! Every form of Flux that is asked, with every hostile name, before InfluxData's own parser and type checker
//! (`tests/flux`, npm `@influxdata/flux-lsp-browser`): valid, the same calls as with a harmless name, and the strings
//! that the language sees are the names.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use saola::model::{StationKind, Timestamp};
use saola::store::influx::{Series, flux};
use serde::Deserialize;

use super::fixture::START;
use super::hostile;

/// What the language says of a text.
#[derive(Debug, Deserialize)]
pub struct Judgement {
    /// What is wrong with it.
    pub messages: Vec<String>,
    /// Every string in it, as the language understands it.
    pub strings: Vec<String>,
    calls: Vec<String>,
}

/// Asks InfluxData's parser and type checker about each text.
pub fn judge(texts: &[String]) -> Vec<Judgement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flux");
    assert!(folder.join("node_modules").is_dir(), "npm ci in tests/flux comes first; `make test` runs it");
    let mut child = Command::new("node")
        .args(["--experimental-wasm-modules", "--no-warnings", "check.mjs"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    let mut stdin = child.stdin.take().unwrap();
    let asked = serde_json::to_vec(texts).unwrap();
    let writing = std::thread::spawn(move || stdin.write_all(&asked).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let judged: Vec<Judgement> =
        serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(judged.len(), texts.len());
    judged
}

fn forms(bucket: &str, series: &Series) -> [String; 3] {
    let at = |micros| Timestamp::from_micros(START * 1_000_000 + micros);
    [flux::page(bucket, series, at(1), at(60_000_000), 4_096), flux::latest(bucket, series), flux::nothing(bucket)]
}

#[test]
fn every_question_is_valid_flux_and_says_no_more_than_it_should() {
    let names = hostile::names();
    let taken: Vec<&String> = names.iter().filter(|name| hostile::is_taken(name) == (true, true)).collect();
    assert!(taken.len() > 300, "{}", taken.len());
    let mut texts = Vec::new();
    for name in &taken {
        texts.extend(forms(name, &Series::new(StationKind::River, name, name).unwrap()));
    }
    // A bucket may have any name at all.
    let refused: Vec<&String> = names.iter().filter(|name| !taken.contains(name) && name.len() < 1_000).collect();
    texts.extend(refused.iter().map(|name| flux::nothing(name)));
    let judged = judge(&texts);
    let (of_series, of_buckets) = judged.split_at(3 * taken.len());
    for (name, judged) in taken.iter().zip(of_series.chunks(3)) {
        let quality = format!("{name}_quality");
        let expected = [
            vec!["keep", "limit", "filter", "range", "from"],
            vec!["keep", "last", "filter", "range", "from"],
            vec!["limit", "range", "from"],
        ];
        for (judged, mut expected) in judged.iter().zip(expected) {
            assert_eq!(judged.messages, [] as [String; 0], "{name:?}");
            let mut calls: Vec<&str> = judged.calls.iter().map(String::as_str).collect();
            calls.sort_unstable();
            expected.sort_unstable();
            assert_eq!(calls, expected, "{name:?}");
        }
        let of_page = [name, "_measurement", "water", "station", name, "_field", name, "_field", &quality];
        let sorted = |strings: &[String]| {
            let mut strings: Vec<String> =
                strings.iter().filter(|text| !["_time", "_value"].contains(&text.as_str())).cloned().collect();
            strings.sort();
            strings
        };
        let mut expected: Vec<String> = of_page.iter().map(|text| (*text).to_owned()).collect();
        // The one in `keep`.
        expected.push("_field".to_owned());
        expected.sort();
        assert_eq!(sorted(&judged[0].strings), expected, "{name:?}");
        assert_eq!(sorted(&judged[1].strings), expected, "{name:?}");
        assert_eq!(judged[2].strings, [(*name).clone()]);
    }
    for (name, judged) in refused.iter().zip(of_buckets) {
        assert_eq!((&judged.messages[..], &judged.strings[..]), (&[][..], &[(*name).clone()][..]), "{name:?}");
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let check = |text: &str, expected: &str| {
        let judged = judge(&[text.to_owned()]);
        assert!(judged[0].messages.iter().any(|message| message.contains(expected)), "{text}: {judged:?}");
    };
    let good = forms("saola", &Series::new(StationKind::Air, "A", "pm2_5").unwrap());
    check(&good[0].replace("limit(n: 4096)", "limit(n: \"many\")"), "expected int but found string");
    check(&good[0].replace("|> filter", "|> filtr"), "undefined identifier filtr");
    check(&good[1].replace("last()", "last("), "expected");
    check(&good[0].replace("stop:", "end:"), "found unexpected argument end");
    check(&good[2].replace("\"saola\"", "\"sao\"la\""), "");
}
