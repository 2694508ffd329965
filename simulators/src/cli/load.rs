//! `saola-sim load` and `saola-sim count`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use saola_sim::load::{self, CountOptions, Options, stations};
use saola_sim::mqtt::Qos;

use super::{SignIn, print};

#[derive(clap::Args)]
pub struct Load {
    /// Broker, host:port
    #[arg(long, default_value = "127.0.0.1:1883")]
    broker: String,
    /// Devices load-00000 and so on, at most 100000
    #[arg(long, default_value_t = 100)]
    devices: u32,
    /// Messages a second over all devices; 0: as fast as possible
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// 0 or 1
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    qos: u8,
    /// How long to send
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections that share the devices
    #[arg(long, default_value_t = 1)]
    connections: u32,
    /// QoS 1 messages of a connection that may wait for their acknowledgement
    #[arg(long, default_value_t = 1000)]
    window: u32,
    /// Print only the JSON, without the sentence on standard error
    #[arg(long)]
    json: bool,
    /// Write the devices' station file here and stop
    #[arg(long)]
    stations_file: Option<PathBuf>,
    #[command(flatten)]
    sign_in: SignIn,
}

pub async fn load(command: Load) -> anyhow::Result<()> {
    if command.devices == 0 || command.devices > stations::DEVICES_MAX {
        bail!("--devices must be 1 to {}", stations::DEVICES_MAX);
    }
    if let Some(path) = command.stations_file {
        return std::fs::write(&path, stations::file(command.devices))
            .with_context(|| format!("cannot write {}", path.display()));
    }
    let mut options = Options::new(command.broker);
    options.devices = command.devices;
    options.rate = command.rate;
    options.qos = qos(command.qos);
    options.lasts = seconds(command.seconds)?;
    options.connections = command.connections.min(command.devices);
    options.window = command.window;
    options.credentials = command.sign_in.credentials();
    let report = load::run(&options).await?;
    if !command.json {
        let _ = writeln!(
            std::io::stderr(),
            "{:.0} messages/s sent, {:.0}/s acknowledged, p99 {:.1} ms",
            report.sent_per_s(),
            report.acknowledged_per_s(),
            report.latency_us.quantile(0.99) as f64 / 1000.0
        );
    }
    print(&report.json(&options))?;
    Ok(())
}

#[derive(clap::Args)]
pub struct Count {
    /// Broker, host:port
    #[arg(long, default_value = "127.0.0.1:1883")]
    broker: String,
    /// Topic filter
    #[arg(long, default_value = "saola/v1/#")]
    filter: String,
    /// 0 or 1
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    qos: u8,
    /// How long to count
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Stop earlier, at this many messages
    #[arg(long)]
    messages: Option<u64>,
    #[command(flatten)]
    sign_in: SignIn,
}

pub async fn count(command: Count) -> anyhow::Result<()> {
    let mut options = CountOptions::new(command.broker, command.filter);
    options.qos = qos(command.qos);
    options.lasts = seconds(command.seconds)?;
    options.messages = command.messages;
    options.credentials = command.sign_in.credentials();
    let counted = load::count(&options, || {
        let _ = writeln!(std::io::stderr(), "subscribed");
    });
    print(&counted.await?.json())?;
    Ok(())
}

fn qos(level: u8) -> Qos {
    if level == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce }
}

fn seconds(seconds: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(seconds).context("--seconds must be a number of seconds, not below zero")
}
