//! The most expensive payloads that anybody could think of, at the largest size that is taken and at that of a large
//! real message: how long each decoder needs for its worst, and how much memory. `worst` alone checks the bounds, and
//! that the stored inputs of each target reach its decoder; `worst --table` prints what was measured.

use std::collections::HashSet;
use std::time::Duration;

// Where it is built with coverage along with the targets, the counters are at home there.
#[cfg(feature = "libfuzzer")]
use libfuzzer_sys as _;
use saola_fuzz::decode::Limits;
use saola_fuzz::model::{Arrival, Seq};
use saola_fuzz::sources::{self, TOPICS};
use saola_fuzz::stored::written_and_messages;
use saola_fuzz::{NOW, SMALL_BYTES, chosen, duration_max, memory, memory_max, read, time};

/// Rounds; the quickest counts, since a busy machine makes every other slower even in time on the processor.
const ROUNDS: usize = 7;

fn main() {
    let shows = std::env::args().any(|argument| argument == "--table");
    let sources = sources::prepare();
    let unreached = unreached();
    assert!(unreached.is_empty(), "{}", unreached.join("\n"));
    let mut mistakes = Vec::new();
    for size in [SMALL_BYTES, Limits::default().payload_bytes_max] {
        let payloads = payloads(size);
        for (decoder, topics) in TOPICS {
            let (mut worst, mut most, mut which) = (Duration::ZERO, 0, (0, ""));
            for (number, payload) in payloads.iter().enumerate() {
                assert!(payload.len() <= size);
                for topic in topics.iter().copied() {
                    let again = Arrival::Again { of: Seq(1), first_at: NOW, was_retained: false };
                    let once = || time::spent(|| read(&sources, topic, payload, again)).1;
                    let took = (0..ROUNDS).map(|_| once()).min().unwrap_or_default();
                    if took > worst {
                        (worst, which) = (took, (number, topic));
                    }
                    let (_, peak) = memory::peak(|| read(&sources, topic, payload, again));
                    most = most.max(peak);
                }
            }
            if shows {
                println!("{size:>7} bytes  {decoder:<20} {worst:>10.2?}  {:>7} KiB  payload {which:?}", most / 1024);
            }
            if worst > duration_max(size) {
                mistakes.push(format!("{decoder}: {worst:?} for {size} bytes"));
            }
            if most > memory_max(size) {
                mistakes.push(format!("{decoder}: {most} bytes of memory for {size}"));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

/// Targets of whose stored inputs none is read by their decoder, or none has a reading.
fn unreached() -> Vec<String> {
    let mut mistakes = Vec::new();
    for (decoder, topics) in TOPICS {
        let sources = sources::prepare();
        let (mut readings_count, mut reached) = (0, HashSet::new());
        for input in written_and_messages(decoder) {
            let Some((topic, payload)) = chosen(decoder, &input) else { continue };
            let became = read(&sources, topic, payload, Arrival::Fresh);
            let found = sources::decoder_of(became.source);
            if found != *decoder {
                mistakes.push(format!("{decoder}: {topic} is read as {found}"));
            }
            readings_count += became.readings;
            reached.insert(topic);
        }
        if readings_count == 0 || reached.len() < topics.len() {
            mistakes.push(format!("{decoder}: {readings_count} readings by {} topics", reached.len()));
        }
    }
    mistakes.sort();
    mistakes.dedup();
    mistakes
}

/// `begin`, as many `part`s as fit, `end`.
fn filled(size: usize, begin: &str, part: impl Fn(usize) -> String, end: &str) -> Vec<u8> {
    let mut text = begin.to_owned();
    for index in 0.. {
        let part = part(index);
        if text.len() + part.len() + end.len() > size {
            break;
        }
        text += &part;
    }
    (text + end).into_bytes()
}

fn payloads(size: usize) -> Vec<Vec<u8>> {
    let mut all = texts(size);
    let repeated = |bytes: &[u8]| bytes.repeat(size / bytes.len());
    let behind = |first: &[u8], bytes: &[u8]| [first, &bytes.repeat((size - first.len()) / bytes.len())].concat();
    all.extend([
        // Protobuf: empty metrics, metrics with one field, names alone, deep groups.
        repeated(&[0x12, 0x00]),
        repeated(&[0x12, 0x02, 0x4a, 0x00]),
        repeated(&[0x12, 0x05, 0x0a, 0x01, b'a', 0x50, 0x01]),
        repeated(&[0x12, 0x06, 0x0a, 0x01, b'a', 0x20, 0x0c, 0x7a]),
        repeated(&[0x12, 0x09, 0x0a, 0x01, b'a', 0x20, 0x09, 0x65, 0, 0, 0x80]),
        // CBOR: lists in lists, endless lists of small maps, refusals below a deep path, chunked strings, large numbers.
        repeated(&[0x81]),
        repeated(&[0x9f]),
        behind(&[0x9f], &[0xa0]),
        behind(&[0x9f], &[0xa1, 0x02, 0xc4, 0x82, 0x00, 0x01]),
        behind(&[0x9f], &[0xa2, 0x00, 0x61, b'a', 0x02, 0x01]),
        behind(&[0xbf], &[0x01, 0x00]),
        behind(&[0xa1, 0x02, 0x9f], &[0xa1, 0x61, b'v', 0x01]),
        behind(&[0xa1, 0x02, 0x9f], &[0xa2, 0x61, b'v', 0x01, 0x61, b'x', 0x01]),
        behind(&[0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f], &[0x01]),
        behind(&[0x7f], &[0x60]),
        behind(&[0xc2, 0x5f], &[0x41, 0xff]),
        repeated(&[0xc1]),
        // Cayenne LPP: the smallest value again and again.
        repeated(&[1, 103, 0, 1]),
        repeated(&[1, 0, 1]),
        repeated(b"\""),
        repeated(b"-"),
    ]);
    all
}

fn texts(size: usize) -> Vec<Vec<u8>> {
    let long = "k".repeat(120);
    let wide = |count: usize| (0..count).map(|key| format!("\"{key}\":1")).collect::<Vec<_>>().join(",");
    let wide_each = wide(200.min(size / 16));
    let filled = |begin: &str, part: &str, end: &str| filled(size, begin, |_| part.to_owned(), end);
    let deep = "{\"nn\":".repeat(14);
    let numbered = |begin: &str, part: fn(usize) -> String, end: &str| self::filled(size, begin, part, end);
    vec![
        filled("[", "[],", "1]"),
        filled("[", "{\"\":0},", "1]"),
        filled("[", "{\"a\":1},", "{\"a\":1}]"),
        filled("[", &format!("{{{wide_each}}},"), "1]"),
        filled("[{\"a\":\"", "\\n", "\"}]"),
        filled("{\"a\":", "9", "}"),
        filled("{\"a\":0.", "1", "}"),
        filled("{\"list\":[", "{\"v\":1},", "{}]}"),
        filled("{\"list\":[", "{\"v\":\"a\"},", "{}]}"),
        filled("{\"list\":[", "{\"x\":1},", "{}]}"),
        filled("{\"list\":[", "1,", "1]}"),
        filled(&format!("{deep}["), "1,", &format!("1]{}", "}".repeat(14))),
        numbered("{", |at| format!("\"{at}\":1,"), "\"t\":1}"),
        filled("[", "{\"n\":\"a\",\"v\":1},", "{\"n\":\"a\",\"v\":1}]"),
        filled("[", "{\"n\":\"a\"},", "{\"n\":\"a\",\"v\":1}]"),
        filled(&format!("[{{\"bn\":\"{long}{long}\"}}"), ",{\"v\":1}", "]"),
        filled(&format!("[{{\"bn\":\"{long}\\n\",\"bu\":\"{long}\"}}"), ",{\"n\":\"\\n\",\"v\":1}", "]"),
        filled(&format!("{{\"deviceInfo\":{{\"devEui\":\"1\"}},\"object\":{{\"{long}\":{{\"{long}\":[0"), ",1", "]}}}"),
        filled("{\"deviceInfo\":{\"devEui\":\"1\"},\"object\":{\"a\":[0", ",1", "]}}"),
        filled("{\"deviceInfo\":{\"devEui\":\"1\"},\"object\":{\"a\":[0", ",\"x\"", "]}}"),
        filled("{\"deviceInfo\":{\"devEui\":\"1\"},\"rxInfo\":[{}", ",{\"rssi\":1}", "]}"),
        filled("{\"deviceInfo\":{\"devEui\":\"1\"},\"data\":\"", "AWcA", "\"}"),
        filled(
            "{\"end_device_ids\":{\"device_id\":\"d\"},\"uplink_message\":{\"normalized_payload\":[{}",
            ",{\"a\":{\"b\":1}}",
            "]}}",
        ),
        filled("{\"end_device_ids\":{\"device_id\":\"d\"},\"uplink_message\":{\"frm_payload\":\"", "AWcA", "\"}}"),
        filled(&format!("[{{\"id\":\"{long}\\n\",\"type\":\"T\",\"t\":[{{\"value\":1}}"), ",{\"value\":1}", "]}]"),
        filled("[", "{\"id\":\"a\",\"type\":\"T\",\"b\":1},", "{\"id\":\"a\",\"type\":\"T\",\"b\":1}]"),
        filled("{\"Datastream\":{\"@iot.id\":1},\"components\":[\"result\"],\"dataArray\":[[0]", ",[1]", "]}"),
        filled("{\"Datastream\":{\"@iot.id\":1},\"components\":[\"result\"],\"dataArray\":[[0]", ",[]", "]}"),
        filled("", "a\t1\t\t20261121101500\t00\n", ""),
        filled("", "a\n", ""),
        filled("", "\n", ""),
        filled("a,host=b ", "a=1,", "b=1"),
        numbered("a,host=b ", |at| format!("{at}=1,"), "b=1"),
        numbered("a,", |at| format!("{at}=1,"), "host=b b=1"),
        filled("", "a,host=b c=1\n", ""),
        filled("", "a b=1\n", ""),
        filled("", "a,host=b c=\"\n", ""),
        filled("t\n", "1\n", ""),
        filled("t\n", "\"\n", ""),
        filled("x\n", "1\n", ""),
        filled("", "a,", "a\n1"),
        numbered("", |at| format!("{at},"), "t\n1,1,1"),
        filled("t\n\"", "\"\"", "\""),
        filled("value\n", "1,5\n", ""),
        filled("{\"Time\":\"2026-11-21T10:15:00\",\"A\":[", "1,", "1]}"),
    ]
}
