//! The stored corpus: `unpack FOLDER` lays it out as libFuzzer reads it, a folder for each target; `pack FOLDER` keeps
//! what a long run has found, smallest first.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
// The service's modules are compiled with coverage, whose counters are at home there.
use libfuzzer_sys as _;
use saola_fuzz::sources::TOPICS;
use saola_fuzz::stored::{grown, here, written_and_messages};

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

fn unpack(folder: &Path) {
    for (target, _) in TOPICS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).expect("the corpus can be written");
        let mut inputs = written_and_messages(target);
        inputs.extend(grown(target));
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("stored-{number:04}")), input).expect("the corpus can be written");
        }
    }
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
