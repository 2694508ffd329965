//! `make bench`: what an acknowledgement on disk costs, as ratios to ceilings measured in the same run.
//!
//! Every server is a process of its own; this one makes the load. Load and servers share the machine's cores, so the
//! figures are ratios, never promises of an absolute rate.
//!
//! | step | what is measured |
//! |---|---|
//! | counting subscriber | mosquitto hands QoS 1 messages to a subscriber that only counts |
//! | edge, acknowledging only | the embedded edge over an intake that only counts: no decoding, no journal |
//! | edge | the service: decoded, judged, on disk, acknowledged; and until all of it is in state and store |
//! | client | the service reads from mosquitto through `rumqttc`, until all of it is in state and store |
//! | decoders | messages of each form read by one core, beside `serde_json::Value` reading the same into a tree |
//! | latencies | acknowledgement at 20,000 messages/s; publish to stream event at 5,000 messages/s |
//! | readers | publish to stream event at 1,000 messages/s, for one of 200 readers of whom 50 never read |
//! | backlog | publish to stream event, while one station hands in sixty days at full speed |
//! | rules | 1,000 rules over 100,000 channels judged by one core, beside a bare loop over the same samples |
//! | alerts | publish to the alert told at 5,000 messages/s, on disk before it is judged |
//! | storm | 10,000 stations cross a threshold within 5 s: from an entry until all that it tells is on disk |
//! | backtest | a rule tried on a year of 1,000 channels, one sample an hour: wanted in under 10 s |
//! | memory | the service's peak with 10,000 connections and after the load |
//!
//! `cargo bench --bench bench -- decoders` runs that step alone, and so do `-- backlog`, `-- rules`, `-- alerts`,
//! `-- storm`, `-- readers` and `-- backtest`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on says so")]

mod alerts;
mod backlog;
mod backtest;
mod decoders;
#[path = "../it/http_client.rs"]
mod http_client;
#[path = "../it/mosquitto.rs"]
mod mosquitto;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../it/notify/bench.rs"]
mod pair;
mod rules;
mod servers;
mod storm;
mod stream;
#[path = "../it/wait.rs"]
mod wait;

use std::time::Duration;

use saola_sim::load::{self, CountOptions, Report};

use mosquitto::Mosquitto;
use servers::{AckOnly, Service};

/// Devices of every load.
pub const DEVICES: u32 = 10_000;
/// Connections that share them, but for the step that has one for each.
pub const CONNECTIONS: u32 = 200;
/// Messages of a connection that wait for their acknowledgement.
const WINDOW: u32 = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    saola::shutdown::prepare_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(place) = arguments.iter().position(|argument| argument == "--ack-only") {
        runtime.block_on(servers::acknowledge_only(arguments[place + 1].parse().unwrap()));
        return;
    }
    let lasts = Duration::from_secs_f64(
        std::env::var("SAOLA_BENCH_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(8.0),
    );
    const STEPS: [&str; 7] = ["decoders", "readers", "backlog", "rules", "alerts", "storm", "backtest"];
    match arguments.iter().map(String::as_str).find(|argument| STEPS.contains(argument)) {
        Some("decoders") => ratios(&measured_decoders(lasts)),
        Some("rules") => share_of_rules(measured_rules(lasts)),
        Some("alerts") => delay_of_alerts(runtime.block_on(measured_alerts(lasts))),
        Some("storm") => durable_storm(runtime.block_on(measured_storm())),
        Some("readers") => delay_in_a_crowd(runtime.block_on(measured_readers(lasts))),
        Some("backtest") => backtest::measure(),
        Some(_) => runtime.block_on(beside_a_backlog(lasts)),
        None => {
            runtime.block_on(measure(lasts));
            backtest::measure();
        }
    }
}

fn measured_decoders(lasts: Duration) -> Vec<decoders::Row> {
    let rows = decoders::measure(lasts / 8);
    for row in &rows {
        say(&format!("{}, read by one core", row.name), format!("{:.0} messages/s", row.per_s));
    }
    rows
}

fn ratios(rows: &[decoders::Row]) {
    for row in rows {
        if let Some(ratio) = row.ratio {
            println!("{:<52}{:>9.2}{:>9}", format!("{} / serde_json::Value", row.name), ratio, "-");
        }
    }
}

/// The engine's rate as a share of the bare loop's.
fn measured_rules(lasts: Duration) -> f64 {
    let rates = rules::measure(lasts / 2);
    say("rules judged, 1,000 over 100,000 channels, by one core", format!("{:.0} M/s", rates.engine_per_s / 1e6));
    say("the same thresholds compared in a bare loop", format!("{:.0} M/s", rates.loop_per_s / 1e6));
    rates.engine_per_s / rates.loop_per_s
}

/// The 99th percentile, ms.
async fn measured_alerts(lasts: Duration) -> f64 {
    let service = Service::start_with_rules(None, alerts::RULE).await;
    let delays = alerts::delay(&service, lasts).await;
    let quantile = |share| delays.quantile(share) as f64 / 1_000.0;
    let (p50, p99, count) = (quantile(0.5), quantile(0.99), delays.count());
    say("publish to alert at 5,000 messages/s", format!("p50 {p50:.0} ms, p99 {p99:.0} ms ({count} alerts)"));
    p99
}

/// The longest, s.
async fn measured_storm() -> f64 {
    let delays = storm::measure().await;
    let seconds = |micros: u64| micros as f64 / 1e6;
    let (p50, p99, most) = (seconds(delays.quantile(0.5)), seconds(delays.quantile(0.99)), seconds(delays.max()));
    let figure = format!("p50 {p50:.2} s, p99 {p99:.2} s, at most {most:.2} s");
    say("10,000 crossings in 5 s, entry to outbox on disk", figure);
    most
}

/// The 99th percentile, ms.
async fn measured_readers(lasts: Duration) -> f64 {
    let service = Service::start(None).await;
    let delays = stream::latency_in_a_crowd(&service, lasts).await;
    let quantile = |share| delays.quantile(share) as f64 / 1_000.0;
    let (p50, p99, count) = (quantile(0.5), quantile(0.99), delays.count());
    say("publish to one of 200 readers, 50 of them deaf", format!("p50 {p50:.0} ms, p99 {p99:.0} ms ({count} events)"));
    p99
}

fn delay_in_a_crowd(p99_ms: f64) {
    println!("{:<52}{p99_ms:>9.0}{:>9}", "publish to one of 200 readers p99, ms", "500");
}

fn durable_storm(most_s: f64) {
    println!("{:<52}{most_s:>9.2}{:>9}", "storm, entry to outbox on disk, at most, s", "10");
}

fn share_of_rules(share: f64) {
    println!("{:<52}{share:>9.2}{:>9}", "rules judged / bare loop", "-");
}

fn delay_of_alerts(p99_ms: f64) {
    println!("{:<52}{p99_ms:>9.0}{:>9}", "publish to alert p99, ms", "100");
}

async fn beside_a_backlog(lasts: Duration) {
    let service = Service::start(None).await;
    let alone = stream::latency(&service, lasts, 5_000).await;
    drop(service);
    let service = Service::start(None).await;
    let beside = backlog::beside(&service, lasts).await;
    let shown = |latency: &saola_sim::load::Histogram| {
        let quantile = |share| latency.quantile(share) as f64 / 1_000.0;
        format!("p50 {:.0} ms, p99 {:.0} ms", quantile(0.5), quantile(0.99))
    };
    say("publish to stream event, nothing beside", shown(&alone));
    say("the same beside a backlog", format!("{} ({:.0} messages/s of it)", shown(&beside.latency), beside.per_s));
    let added = beside.latency.quantile(0.99).saturating_sub(alone.quantile(0.99)) as f64 / 1_000.0;
    println!("{:<52}{added:>9.0}{:>9}", "p99 that a backlog adds to the others, ms", "1000");
}

async fn measure(lasts: Duration) {
    println!(
        "{}\n{:.0} s a step, {DEVICES} devices, 150-byte JSON with four values, QoS 1\n",
        machine(),
        lasts.as_secs_f64()
    );

    let decoders = tokio::task::block_in_place(|| measured_decoders(lasts));
    let rules = tokio::task::block_in_place(|| measured_rules(lasts));
    let alerts_p99 = measured_alerts(lasts).await;
    let storm_most = measured_storm().await;
    let readers_p99 = measured_readers(lasts).await;

    let counting = count_behind_mosquitto(lasts).await;
    say("mosquitto to a subscriber that only counts", format!("{counting:.0} messages/s"));

    let ack_only = AckOnly::start().await;
    let ceiling = load(&ack_only.address, lasts, 0, CONNECTIONS).await.acknowledged_per_s();
    drop(ack_only);
    say("edge, acknowledging without decoding or journal", format!("{ceiling:.0} messages/s"));

    let service = Service::start(None).await;
    let report = load(&service.mqtt, lasts, 0, CONNECTIONS).await;
    let (edge, visible) = (report.acknowledged_per_s(), service.visible_per_s(&report).await);
    say("edge, acknowledged from disk", format!("{edge:.0} messages/s"));
    say("edge, on disk and visible in state and store", format!("{visible:.0} messages/s"));
    let memory_flat_out = service.peak_mib();
    say("memory of the service at its peak, flat out", format!("{memory_flat_out} MiB"));
    drop(service);

    let client = client_behind_mosquitto(lasts).await;
    say("mosquitto to rumqttc, on disk and visible", format!("{client:.0} messages/s"));

    let service = Service::start(None).await;
    let report = load(&service.mqtt, lasts, 20_000, CONNECTIONS).await;
    let quantile = |share| report.latency_us.quantile(share) as f64 / 1_000.0;
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    say("acknowledgement at 20,000 messages/s", format!("p50 {p50:.1} ms, p99 {p99:.1} ms"));
    let latency = stream::latency(&service, lasts, 5_000).await;
    let stream_p99 = latency.quantile(0.99) as f64 / 1_000.0;
    let stream_p50 = latency.quantile(0.5) as f64 / 1_000.0;
    say("publish to stream event at 5,000 messages/s", format!("p50 {stream_p50:.0} ms, p99 {stream_p99:.0} ms"));
    drop(service);

    let service = Service::start(None).await;
    let report = load(&service.mqtt, lasts, 5_000, DEVICES).await;
    assert_eq!(report.failed_connections, 0, "{:?}", report.first_failure);
    let memory = service.peak_mib();
    say("memory of the service, one connection a device", format!("{memory} MiB"));

    beside_a_backlog(lasts).await;

    println!("\n{:<52}{:>9}{:>9}", "ratio", "measured", "bar");
    ratios(&decoders);
    share_of_rules(rules);
    delay_of_alerts(alerts_p99);
    durable_storm(storm_most);
    delay_in_a_crowd(readers_p99);
    ratio("edge / edge acknowledging only", edge / ceiling, 0.6);
    ratio("edge / counting subscriber", edge / counting, 3.0);
    ratio("client / counting subscriber", client / counting, 0.9);
    println!("{:<52}{:>9.1}{:>9}", "acknowledgement p50, ms", p50, "10");
    println!("{:<52}{:>9.1}{:>9}", "acknowledgement p99, ms", p99, "50");
    println!("{:<52}{:>9.0}{:>9}", "publish to stream p99, ms", stream_p99, "250");
    println!("{:<52}{:>9}{:>9}", "memory, 10,000 connections at 5,000/s, MiB", memory, "300");
    println!("{:<52}{:>9}{:>9}", "memory, flat out, MiB", memory_flat_out, "300");
}

fn say(what: &str, figure: String) {
    println!("{what:<52}{figure}");
}

fn ratio(what: &str, measured: f64, bar: f64) {
    println!("{what:<52}{measured:>9.2}{bar:>9.2}");
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores of {}", model.trim_start_matches(['\t', ' ', ':']))
}

/// Loads a broker; the rate is in messages a second, 0 as fast as it can.
async fn load(broker: &str, lasts: Duration, rate: u32, connections: u32) -> Report {
    let mut options = load::Options::new(broker);
    (options.devices, options.connections, options.window) = (DEVICES, connections, WINDOW);
    (options.rate, options.lasts) = (rate, lasts);
    options.credentials = Some(servers::credentials());
    let report = load::run(&options).await.unwrap();
    assert_eq!(report.failed_connections, 0, "{:?}", report.first_failure);
    report
}

async fn count_behind_mosquitto(lasts: Duration) -> f64 {
    let broker = Mosquitto::start().await;
    let mut options = CountOptions::new(broker.address(), "saola/v1/+");
    // It lags behind the senders, so it counts twice as long; its rate is from its first message to its last.
    options.lasts = lasts * 2;
    let (subscribed, ready) = tokio::sync::oneshot::channel();
    let counting = tokio::spawn(async move { load::count(&options, || subscribed.send(()).unwrap()).await.unwrap() });
    ready.await.unwrap();
    let report = load(&broker.address(), lasts, 0, CONNECTIONS).await;
    let counted = counting.await.unwrap();
    assert!(counted.messages <= report.sent, "more counted than sent");
    counted.per_s()
}

async fn client_behind_mosquitto(lasts: Duration) -> f64 {
    let broker = Mosquitto::start().await;
    let service = Service::start(Some(&broker)).await;
    let report = load(&broker.address(), lasts, 0, CONNECTIONS).await;
    service.visible_per_s(&report).await
}
