//! Measurements, run by hand in release and never part of the gate:
//!
//! ```text
//! cargo nextest run --release --run-ignored only --no-capture edge::measure
//! ```
//!
//! The loader is raw: it writes blocks of packets made beforehand and counts the bytes of the answers. It shares the
//! machine with the edge, so the figures are a floor.

#![expect(clippy::print_stdout, reason = "whoever runs a measurement reads its figures")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use saola::clock::Clock;
use saola::model::{Durable, Intake, RawMessage, Refusal, Seq, SourceId};
use saola::mqtt::edge::{Access, Edge, Retain};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::double::config;
use crate::mqtt_client::{Client, V3, V5, Wish, puback, publish, publish_twice, pubrel};

/// Counts and forgets.
struct CountingIntake {
    taken: AtomicU64,
    durable: watch::Sender<Durable>,
    instant: bool,
}

impl CountingIntake {
    /// Commits at once, or every `every`.
    fn new(every: Option<Duration>) -> Arc<CountingIntake> {
        let durable = watch::Sender::new(Durable::default());
        let intake = Arc::new(CountingIntake { taken: AtomicU64::new(0), durable, instant: every.is_none() });
        if let Some(every) = every {
            let committing = Arc::downgrade(&intake);
            std::thread::spawn(move || {
                while let Some(intake) = committing.upgrade() {
                    std::thread::sleep(every);
                    intake.commit();
                }
            });
        }
        intake
    }

    fn commit(&self) {
        let taken = Seq(self.taken.load(Ordering::Acquire));
        self.durable.send_if_modified(|durable| {
            let grown = taken > durable.through;
            durable.through = durable.through.max(taken);
            grown
        });
    }
}

impl Intake for CountingIntake {
    fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal> {
        let count = batch.len() as u64;
        let seq = Seq(self.taken.fetch_add(count, Ordering::AcqRel) + count);
        if self.instant {
            self.commit();
        }
        Ok(seq)
    }

    fn durable(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }

    async fn room(&self) {}
}

fn memory_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// One connection that keeps up to `window` messages in flight. Counts what is acknowledged.
async fn load(
    address: SocketAddr,
    version: u8,
    name: String,
    window: u16,
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) {
    let mut stream = Client::connected(address, version, &name).await.stream;
    let topic = format!("saola/v1/{name}");
    let reading =
        "{\"time\": \"2026-11-21T10:15:00+07:00\", \"pm2_5\": 41.25, \"pm10\": 63.5, \"co\": 0.4, \"o3\": 21.0}";
    let payload = format!("{reading:150}");
    assert_eq!(payload.len(), 150);
    let half = usize::from(window.max(2) / 2);
    let blocks: Vec<Vec<u8>> = [1, half + 1]
        .map(|first| {
            (first..first + half).flat_map(|id| publish(version, &topic, id as u16, payload.as_bytes())).collect()
        })
        .into();
    let mut answers = vec![0; half * 4];
    stream.write_all(&blocks[0]).await.unwrap();
    for turn in 1.. {
        stream.write_all(&blocks[turn % 2]).await.unwrap();
        stream.read_exact(&mut answers).await.unwrap();
        assert!(answers.chunks(4).all(|answer| answer[..2] == [0x40, 2]));
        acknowledged.fetch_add(half as u64, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn measure(version: u8, connections: usize, window: u16, every: Option<Duration>) {
    let intake = CountingIntake::new(every);
    let mut config = config();
    config.limits.packets_per_second = 10_000_000;
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let edge = {
        let _inside = server.enter();
        Edge::start(&config, intake, Access::open(), SourceId(0), Clock::System).unwrap()
    };
    let loader = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (acknowledged, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = (0..connections)
        .map(|n| {
            loader.spawn(load(edge.address(), version, format!("d{n}"), window, acknowledged.clone(), stop.clone()))
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let (begun, before) = (Instant::now(), acknowledged.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(5));
    let rate = (acknowledged.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    loader.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    println!(
        "MQTT {version}, {connections} connections, {window} in flight each, commit {}: {rate:.0} acknowledged/s",
        every.map_or("at once".to_owned(), |every| format!("every {every:?}")),
    );
    server.shutdown_timeout(Duration::from_secs(1));
    loader.shutdown_timeout(Duration::from_secs(1));
}

#[test]
#[ignore = "a measurement"]
fn the_rate_of_acknowledged_messages() {
    for (version, connections, window) in [(V3, 200, 100), (V5, 200, 100), (V3, 1, 1_000), (V3, 2_000, 2)] {
        measure(version, connections, window, None);
        measure(version, connections, window, Some(Duration::from_millis(5)));
    }
}

#[test]
#[ignore = "a measurement"]
fn the_memory_of_idle_connections() {
    let connections: usize = std::env::var("SAOLA_IDLE_CONNECTIONS").map_or(9_000, |number| number.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let intake = CountingIntake::new(Some(Duration::from_millis(5)));
        let edge = Edge::start(&config(), intake, Access::open(), SourceId(0), Clock::System).unwrap();
        let before = memory_bytes();
        let mut clients: Vec<TcpStream> = Vec::with_capacity(connections);
        for n in 0..connections {
            let mut client = Client::connected(edge.address(), V3, &format!("device-{n:05}")).await;
            client.publish("saola/v1/device", 1, &[b'x'; 150]).await;
            assert_eq!(client.pubacks(1).await, [1]);
            clients.push(client.stream);
        }
        let each = (memory_bytes() - before) / connections;
        println!("{connections} idle connections that have each published: {each} bytes each, both ends together");
    });
}

#[test]
#[ignore = "a measurement"]
fn the_rate_of_messages_through_sessions_on_disk() {
    const SESSIONS: usize = 200;
    const MESSAGES: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let intake = CountingIntake::new(Some(Duration::from_millis(5)));
        let edge = super::double::edge_over(&config(), intake, &folder.path().join("sessions.db"));
        let wish = Wish { session_s: 3_600, ..Wish::default() };
        let mut readers = Vec::new();
        for n in 0..SESSIONS {
            let (mut client, _) = Client::arriving(edge.address(), V3, &format!("s{n}"), &wish).await;
            assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 1);
            readers.push(client);
        }
        let begun = Instant::now();
        let reading: Vec<_> = readers
            .into_iter()
            .map(|mut client| {
                tokio::spawn(async move {
                    for _ in 0..MESSAGES {
                        let (_, id, _) = client.next().await.message(V3);
                        client.send(&puback(id)).await;
                    }
                    client
                })
            })
            .collect();
        for n in 0..MESSAGES {
            edge.alerts().publish("saola/v1/alerts/1/high", format!("{n:0150}"), Retain::No).unwrap();
            tokio::task::yield_now().await;
        }
        let mut clients = Vec::new();
        for reader in reading {
            clients.push(reader.await.unwrap());
        }
        let rate = (SESSIONS * MESSAGES) as f64 / begun.elapsed().as_secs_f64();
        println!("{SESSIONS} sessions: {rate:.0} messages/s delivered, acknowledged and handed to the disk's writer");
        let client = &mut clients[0];
        let begun = Instant::now();
        for id in 1..=1_000u16 {
            client.send(&publish_twice(V3, "saola/v1/a", id, &[b'x'; 150], false)).await;
            assert_eq!(client.next().await.kind(), 5);
            client.send(&pubrel(id)).await;
            assert_eq!(client.next().await.kind(), 7);
        }
        println!("QoS 2, one after the other: {:?} for each exchange", begun.elapsed() / 1_000);
    });
}

/// CPU time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

#[test]
#[ignore = "a measurement"]
fn the_time_to_an_acknowledgement_at_twenty_thousand_a_second() {
    const CONNECTIONS: u32 = 9_000;
    const SECONDS: u64 = 10;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut waited: Vec<Duration> = runtime.block_on(async {
        let intake = CountingIntake::new(Some(Duration::from_millis(5)));
        let edge = Edge::start(&config(), intake, Access::open(), SourceId(0), Clock::System).unwrap();
        let address = edge.address();
        let mut streams = Vec::new();
        for n in 0..CONNECTIONS {
            streams.push(Client::connected(address, V3, &format!("device-{n:05}")).await.stream);
        }
        let begin = tokio::time::Instant::now() + Duration::from_millis(100);
        // Each connection sends every 450 ms, at its own moment.
        let every = Duration::from_micros(u64::from(CONNECTIONS) * 1_000_000 / 20_000);
        let cpu = cpu_seconds();
        let tasks: Vec<_> = (0..CONNECTIONS)
            .zip(streams)
            .map(|(n, mut stream)| {
                tokio::spawn(async move {
                    let message = publish(V3, &format!("saola/v1/device-{n:05}"), 1, &[b'x'; 150]);
                    let (mut waited, mut answer) = (Vec::new(), [0; 4]);
                    let mut at = begin + every * n / CONNECTIONS;
                    while at < begin + Duration::from_secs(SECONDS) {
                        tokio::time::sleep_until(at).await;
                        // From the moment it was due, so that a late loader does not flatter the edge.
                        stream.write_all(&message).await.unwrap();
                        stream.read_exact(&mut answer).await.unwrap();
                        waited.push(at.elapsed());
                        at += every;
                    }
                    waited
                })
            })
            .collect();
        let mut waited = Vec::new();
        for task in tasks {
            waited.extend(task.await.unwrap());
        }
        println!("{:.2} cores, loader included", (cpu_seconds() - cpu) / SECONDS as f64);
        waited
    });
    waited.sort();
    let part = |part: f64| waited[((waited.len() - 1) as f64 * part) as usize];
    println!(
        "{} messages in {SECONDS} s over {CONNECTIONS} connections, commit every 5 ms: p50 {:?}, p99 {:?}, most {:?}",
        waited.len(),
        part(0.5),
        part(0.99),
        part(1.0)
    );
}
