//! One fuzz target a decoder: the whole way of a message of a declared source, from its bytes to readings in our words.
//!
//! The service's own sources are built here a second time, `model` and `decode` alone: nothing of them needs the
//! databases. A target is `saola_fuzz::check(name, input)`. What it holds a decoder to:
//! - no panic, whatever the bytes (overflow checks and debug assertions are on);
//! - every reading finite and within the limits, every refusal's detail short;
//! - a message that is handed in again reads the same: a session is not left in a state that nobody can name;
//! - time within [`duration_max`], memory within [`memory_max`].
//!
//! Left out: validation, journal and store, which see readings and never bytes.

#![allow(dead_code, reason = "the service uses what the targets do not")]

#[path = "../../src/decode/mod.rs"]
pub mod decode;
pub mod memory;
#[path = "../../src/model/mod.rs"]
pub mod model;
pub mod sources;
pub mod stored;
pub mod time;

use std::sync::OnceLock;
use std::time::Duration;

use decode::source::Sources;
use decode::{Decoded, Heard, Limits};
use model::{Arrival, RawMessage, Seq, SourceId, Timestamp};

/// Largest input of a fuzz target, bytes; what real devices send is smaller.
pub const SMALL_BYTES: usize = 4_096;
/// A machine that does something else meanwhile empties caches; a payload is slow when it is so every time.
const TRIES: u32 = 20;

/// The instant that every message is received at.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

/// Most memory, bytes, that reading a payload of `length` bytes may hold at any time, its readings included. Two bytes
/// (`,1`) can be a reading under a long name, or a refusal that says where: the number of both is limited.
pub fn memory_max(length: usize) -> usize {
    (64 * 1024 + length * 512).min(16 * 1024 * 1024)
}

/// Longest that reading a payload may take here: 1 ms up to [`SMALL_BYTES`] and in proportion beyond, in the service's
/// own release build on a quiet machine.
pub fn duration_max(length: usize) -> Duration {
    Duration::from_micros(length.max(SMALL_BYTES) as u64 * 1_000 / SMALL_BYTES as u64) * SLOWED
}

/// How many times slower it may be here: coverage counters and overflow checks, and whatever else the machine does.
const SLOWED: u32 = if cfg!(fuzzing) { 16 } else { 3 };

/// What became of a message, in a form that can be compared.
#[derive(Debug, PartialEq)]
pub struct Became {
    /// The source that it is counted by.
    pub source: SourceId,
    /// How many readings.
    pub readings: usize,
    reasons: Vec<&'static str>,
}

fn sources() -> &'static Sources {
    static SOURCES: OnceLock<Sources> = OnceLock::new();
    SOURCES.get_or_init(sources::prepare)
}

/// Reads one message of a source; checks everything that holds for any.
pub fn read(sources: &Sources, topic: &str, payload: &[u8], arrival: Arrival) -> Became {
    let raw = RawMessage { source: sources::EDGE, topic, payload, received_at: NOW, arrival };
    let (mut heard, mut out) = (Heard::default(), Decoded::default());
    let limits = Limits::default();
    let (source, refused) = sources.decode(&raw, &limits, &mut heard, &mut out);
    for reading in &out.readings {
        assert!(reading.value.is_finite(), "{reading:?}");
    }
    let rejections = out.rejections.iter().chain(&refused);
    let reasons: Vec<&str> =
        rejections.inspect(|one| assert!(one.detail.len() <= 200)).map(|one| one.reason.word()).collect();
    assert!(out.readings.len() + reasons.len() <= limits.readings_max + 1, "{} readings", out.readings.len());
    Became { source, readings: out.readings.len(), reasons }
}

/// The topic and the payload of an input: its first byte chooses among the decoder's topics when it has several.
pub fn chosen<'i>(decoder: &str, input: &'i [u8]) -> Option<(&'static str, &'i [u8])> {
    match (sources::topics(decoder), input) {
        ([topic], payload) => Some((*topic, payload)),
        (_, []) => None,
        (topics, [choice, payload @ ..]) => Some((topics[usize::from(*choice) % topics.len()], payload)),
    }
}

/// A fuzz target.
pub fn check(decoder: &str, input: &[u8]) {
    let Some((topic, payload)) = chosen(decoder, input) else { return };
    let sources = sources();
    read(sources, topic, payload, Arrival::Fresh);
    let again = Arrival::Again { of: Seq(1), first_at: NOW, was_retained: false };
    let first = read(sources, topic, payload, again);
    let (second, peak) = memory::peak(|| read(sources, topic, payload, again));
    assert_eq!(first, second, "handed in twice, it reads differently");
    assert!(peak <= memory_max(payload.len()), "{peak} bytes for a payload of {}", payload.len());

    let longest = duration_max(payload.len());
    let quickest = (0..TRIES).find_map(|_| {
        let (_, took) = time::spent(|| read(sources, topic, payload, again));
        Some(took).filter(|took| *took <= longest)
    });
    assert!(quickest.is_some(), "a payload of {} bytes takes more than {longest:?} every time", payload.len());
}
