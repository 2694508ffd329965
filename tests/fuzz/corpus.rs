//! The stored corpus: `unpack FOLDER` lays it out as libFuzzer reads it, a folder for each target; `pack FOLDER` keeps
//! what a long run has found, smallest first.
//!
//! It has three parts: the standards' messages in `tests/fixtures/payloads` (not copied), the lines of `seeds.txt`,
//! which people wrote, and `corpus/TARGET.txt`, which fuzzing wrote: an input a line, in base64.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
// The service's modules are compiled with coverage, whose counters are at home there.
use libfuzzer_sys as _;
use saola_fuzz::sources::{TOPICS, topics};

/// Most that is kept of a target, bytes; a stored corpus is to be small.
const KEPT_BYTES: usize = 24 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["unpack", folder] => unpack(Path::new(folder)),
        ["pack", folder] => pack(Path::new(folder)),
        _ => panic!("corpus unpack|pack FOLDER"),
    }
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn unpack(folder: &Path) {
    for (target, _) in TOPICS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("the corpus can be written");
        let mut inputs = written(target);
        inputs.extend(messages(target));
        inputs.extend(grown(target));
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("stored-{number:04}")), input).expect("the corpus can be written");
        }
    }
}

/// The choice of each topic, where a target has several.
fn choices(target: &str) -> Vec<Vec<u8>> {
    match topics(target).len() {
        1 => vec![Vec::new()],
        count => (0..count).map(|choice| vec![choice as u8]).collect(),
    }
}

/// `TARGET TEXT` lines; `\n`, `\r`, `\t` and `\xHH` stand for bytes.
fn written(target: &str) -> Vec<Vec<u8>> {
    let lines = include_str!("seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let own = lines.filter_map(|line| line.split_once(' ')).filter(|(name, _)| *name == target);
    own.flat_map(|(_, text)| {
        let bytes = unescaped(text);
        choices(target).into_iter().map(move |choice| [choice, bytes.clone()].concat())
    })
    .collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (taken, byte) = match after.as_bytes() {
            [b'n', ..] => (1, b'\n'),
            [b'r', ..] => (1, b'\r'),
            [b't', ..] => (1, b'\t'),
            [b'x', ..] => (3, u8::from_str_radix(&after[1..3], 16).expect("two digits behind \\x")),
            _ => (0, b'\\'),
        };
        bytes.push(byte);
        rest = &after[taken..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The standards' messages go to every target: what is a message to one is a surprise to the others.
fn messages(target: &str) -> Vec<Vec<u8>> {
    let folder = here().join("../fixtures/payloads");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the fixtures are there").map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "json")) {
        let file: serde_json::Value =
            serde_json::from_slice(&fs::read(path).expect("readable")).expect("a fixture is JSON");
        let payload = match file["payload"].as_str() {
            Some(hex) if file["encoding"] == "hex" => from_hex(hex),
            _ => file["payload"].to_string().into_bytes(),
        };
        found.extend(choices(target).into_iter().map(|choice| [choice, payload.clone()].concat()));
    }
    found
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|letter| letter.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect()
}

fn grown(target: &str) -> Vec<Vec<u8>> {
    let Ok(text) = fs::read_to_string(here().join(format!("corpus/{target}.txt"))) else { return Vec::new() };
    text.lines().map(|line| BASE64.decode(line).expect("a line is base64")).collect()
}

fn pack(folder: &Path) {
    fs::create_dir_all(here().join("corpus")).expect("the corpus can be written");
    for (target, _) in TOPICS {
        let Ok(entries) = fs::read_dir(folder.join(target)) else { continue };
        let mut inputs: Vec<Vec<u8>> =
            entries.map(|entry| fs::read(entry.expect("readable").path()).expect("readable")).collect();
        inputs.sort_by_key(|input| (input.len(), input.clone()));
        let mut text = String::new();
        for line in inputs.iter().map(|input| BASE64.encode(input)) {
            if text.len() + line.len() < KEPT_BYTES {
                text += &line;
                text.push('\n');
            }
        }
        fs::write(here().join(format!("corpus/{target}.txt")), text).expect("the corpus can be written");
    }
}
