//! Packets broken in every way that a fixed seed finds: nothing stops, nothing panics, nothing stays open.
//!
//! `SAOLA_MUTATED_PACKETS` raises the number: a million for a release, which takes several minutes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use saola::mqtt::edge::{Edge, Retain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::double::{HandIntake, config, edge_at};
use crate::mqtt_client::{
    Client, PATIENCE, V3, V5, Wish, connect, connect_for, packet, puback, publish, publish_twice, pubrel, subscribe,
    unsubscribe,
};

const SEEDS: [u64; 4] = [1, 2, 3, 4];
const PACKETS_DEFAULT: usize = 4_000;
const PROBE_EVERY: usize = 400;

fn templates(version: u8) -> Vec<Vec<u8>> {
    let long = "đồi/".repeat(100);
    let with_will = {
        let mut body = b"\x00\x04MQTT".to_vec();
        body.extend([version, 0x2E, 0, 10]);
        if version == V5 {
            body.push(0);
        }
        body.extend(b"\x00\x01w");
        if version == V5 {
            body.extend(b"\x05\x18\x00\x00\x00\x01");
        }
        body.extend(b"\x00\x04will\x00\x03bye");
        packet(0x10, &body)
    };
    let session = Wish { session_s: 60, will: Some(("saola/v1/TR-1/status", b"bye", 1)), ..Wish::default() };
    vec![
        connect_for(version, "mutant", &session),
        publish_twice(version, "saola/v1/TR-1", 14, b"{\"pm10\": 1}", false),
        publish_twice(version, "saola/v1/TR-1", 14, b"{\"pm10\": 1}", true),
        [publish_twice(version, "saola/v1/TR-1", 15, b"{}", false), pubrel(15), pubrel(14)].concat(),
        subscribe(version, 16, "saola/v1/+/commands", 1),
        connect(version, "mutant", None, 60),
        connect(version, "mutant", Some(("user", b"password")), 60),
        with_will,
        publish(version, "saola/v1/TR-1", 0, b"{\"pm10\": 1}"),
        publish(version, "saola/v1/TR-1", 7, b"{\"pm10\": 1}"),
        publish(version, "đồi/1/nhiệt", 8, "độ ẩm".as_bytes()),
        publish(version, &long, 9, &[0xFF; 300]),
        publish(version, "saola/v1/alerts/12/high", 10, b"forged"),
        packet(0x30, b"\x00\x01a\x05\x26\x00\x01b\x00\x01c"),
        packet(0x32, b"\x00\x01a\x00\x09\x0D\x01\x01\x02\x00\x00\x00\x09\x08\x00\x01r\x23\x00\x01"),
        packet(0x34, b"\x00\x01a\x00\x01\x00"),
        subscribe(version, 11, "saola/v1/alerts/#", 1),
        subscribe(version, 12, "+/+/alerts/+/+", 2),
        packet(0x82, b"\x00\x0D\x02\x0B\x01\x00\x01#\x00"),
        unsubscribe(version, 13, "saola/v1/alerts/#"),
        puback(1),
        packet(0x50, &[0, 1]),
        packet(0x62, &[0, 1]),
        packet(0x70, &[0, 1]),
        packet(0xC0, &[]),
        packet(0xE0, &[]),
        packet(0xE0, b"\x04\x05\x11\x00\x00\x00\x05"),
        packet(0x20, &[0, 0, 0]),
        packet(0x90, &[0, 1, 0]),
        packet(0xB0, &[0, 1]),
        packet(0xD0, &[]),
        packet(0xF0, b"\x18\x09\x15\x00\x01m\x16\x00\x02dd"),
        packet(0x00, b""),
        packet(0xF0, b""),
        b"\x2e\x01\x00".to_vec(),
    ]
}

/// One packet, broken in one to four places.
fn mutate(random: &mut StdRng, templates: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = templates.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..9) {
            0 => bytes.insert(at, random.random()),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] = random.random(),
            4 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            5 if at < bytes.len() => bytes[at] = *[0, 1, 0x7F, 0x80, 0xFF].choose(random).unwrap(),
            6 => {
                let other = templates.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            7 if bytes.len() > 1 => bytes[1] = bytes[1].wrapping_add(random.random_range(0..5)).wrapping_sub(2),
            8 if bytes.len() > 1 => bytes[0] = random.random(),
            _ => {}
        }
    }
    bytes
}

/// Sends one broken packet between sound ones and waits until the server has done with the connection. One each,
/// because most end it.
async fn attack(edge: &Edge, random: &mut StdRng, templates: &[Vec<u8>], version: u8) {
    let mut bytes = Vec::new();
    // Three of four connections begin well, so that the broken packets come to a client that is logged in.
    if random.random_ratio(3, 4) {
        let session_s = if random.random_ratio(1, 4) { 60 } else { 0 };
        let name = format!("mutant-{}", random.random_range(0..4));
        bytes.extend(connect_for(version, &name, &Wish { session_s, ..Wish::default() }));
    }
    if random.random_ratio(1, 2) {
        bytes.extend(subscribe(version, 1, "saola/v1/alerts/#", 1));
        bytes.extend(publish(version, "saola/v1/TR-1", 2, b"{}"));
    }
    bytes.extend(mutate(random, templates));
    bytes.extend(packet(0xC0, &[]));
    let mut stream = TcpStream::connect(edge.address()).await.unwrap();
    // The server may close at any byte.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    let mut answers = Vec::new();
    let done = timeout(PATIENCE, stream.read_to_end(&mut answers)).await;
    assert!(done.is_ok(), "the server neither answers nor closes after {bytes:x?}");
}

#[tokio::test]
async fn mutated_packets_stop_nothing() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        shown(panic);
    }));
    let packets: usize =
        std::env::var("SAOLA_MUTATED_PACKETS").map_or(PACKETS_DEFAULT, |number| number.parse().unwrap());
    let intake = HandIntake::instant();
    let folder = tempfile::tempdir().unwrap();
    let edge = Arc::new(edge_at(&config(), &intake, &folder.path().join("sessions.db")));
    edge.alerts().publish("saola/v1/alerts/12/high", "retained", Retain::Keep).unwrap();
    let mut steady = Client::connected(edge.address(), V5, "steady").await;
    let (mut sent, mut probes) = (0, 0u16);
    let runs: Vec<(u64, u8)> = SEEDS.into_iter().flat_map(|seed| [(seed, V3), (seed, V5)]).collect();
    for (index, (seed, version)) in runs.iter().copied().enumerate() {
        let mut random = StdRng::seed_from_u64(seed);
        let templates = templates(version);
        while sent < packets * (index + 1) / runs.len() {
            attack(&edge, &mut random, &templates, version).await;
            sent += 1;
            if sent % PROBE_EVERY == 0 {
                probes += 1;
                steady.publish("saola/v1/probe", probes, b"{}").await;
                assert_eq!(steady.pubacks(1).await, [probes], "seed {seed}, version {version}, {sent} packets");
                let mut fresh = Client::connected(edge.address(), version, "fresh").await;
                fresh.publish("saola/v1/probe", 1, b"{}").await;
                assert_eq!(fresh.pubacks(1).await, [1], "seed {seed}, version {version}, {sent} packets");
            }
        }
    }
    assert!(sent >= packets && usize::from(probes) >= packets / PROBE_EVERY, "{sent} sent, {probes} probes");
    drop(steady);
    let closing = async {
        while edge.status().connections > 0 {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, closing).await.is_ok(), "{:?}", edge.status());
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    println!("{sent} packets, {probes} probes, {:?}", edge.status());
}
