//! The stored inputs: the standards' messages in `tests/fixtures/payloads` (not copied), the lines of `seeds.txt`, which
//! people wrote, and `corpus/TARGET.txt`, which fuzzing wrote: an input a line, in base64.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::sources::topics;

/// The folder of these sources.
pub fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What people wrote for a target, and the standards' messages, under each of its topics.
pub fn written_and_messages(target: &str) -> Vec<Vec<u8>> {
    let mut inputs = written(target);
    inputs.extend(messages(target));
    inputs
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

/// What fuzzing has found for a target.
pub fn grown(target: &str) -> Vec<Vec<u8>> {
    let Ok(text) = fs::read_to_string(here().join(format!("corpus/{target}.txt"))) else { return Vec::new() };
    text.lines().map(|line| BASE64.decode(line).expect("a line is base64")).collect()
}
