//! `saola-sim run`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use saola_sim::fleet::{self, Options, Plan};
use saola_sim::scenario::{Fault, FaultKind};
use saola_sim::span::Span;
use saola_sim::{clock, shipped};

use super::{SignIn, print, stopped};

#[derive(clap::Args)]
pub struct Run {
    /// Broker, host:port
    #[arg(long, default_value = "127.0.0.1:1883")]
    broker: String,
    /// calm, fire, flood, lai_chau, or the path of a scenario file
    #[arg(long, default_value = "calm")]
    scenario: String,
    /// Phenomenon seconds in a real second; the scenario's own when absent
    #[arg(long, allow_negative_numbers = true)]
    speed: Option<f64>,
    /// Decides every chance: the same seed and start give the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Payload format
    #[arg(long, default_value = "native", value_parser = ["native"])]
    format: String,
    /// A fault for a twentieth of the fleet; may be repeated
    #[arg(long)]
    fault: Vec<String>,
    /// Folder of station files instead of the shipped ones
    #[arg(long)]
    stations: Option<PathBuf>,
    /// Stop after this long (90s, 5m); without end when absent
    #[arg(long = "for")]
    lasts: Option<Span>,
    /// Print `topic payload` lines instead of publishing; does not wait for their times
    #[arg(long)]
    dump: bool,
    /// Start as if it were this time (RFC 3339): with --dump only
    #[arg(long, requires = "dump")]
    start: Option<jiff::Timestamp>,
    #[command(flatten)]
    sign_in: SignIn,
}

pub async fn run(run: Run) -> anyhow::Result<()> {
    let mut plan = match &run.stations {
        Some(folder) => Plan::from_folder(folder, &run.scenario)?,
        None => Plan::shipped(&run.scenario)?,
    };
    if run.speed.is_some_and(|speed| !(speed > 0.0 && speed.is_finite())) {
        bail!("--speed must be above zero");
    }
    plan.speed = run.speed;
    plan.seed = run.seed;
    for name in &run.fault {
        let names = || FaultKind::ALL.map(|(name, _)| name).join(", ");
        let kind =
            FaultKind::named(name).with_context(|| format!("no fault is named `{name}`: there are {}", names()))?;
        plan.faults.push(Fault::of(kind));
    }
    let lasts = run.lasts.map(|span| Duration::from_secs_f64(span.seconds().max(0.0)));
    if run.dump {
        return dump(plan, run.start.unwrap_or_else(clock::now), lasts.unwrap_or(Duration::from_secs(60)));
    }
    let about = plan.scenario.about.clone();
    let mut options = Options::new(plan, run.broker);
    options.credentials = run.sign_in.credentials();
    options.lasts = lasts;
    tracing::debug!(format = run.format, about, shipped = shipped::SCENARIOS.len(), "the fleet starts");
    let report = fleet::run(options, stopped()).await?;
    print(&format!(
        "{{\"devices\":{},\"published\":{},\"acknowledged\":{},\"reconnects\":{},\"given_up\":{}}}",
        report.devices, report.published, report.acknowledged, report.reconnects, report.given_up
    ))?;
    Ok(())
}

fn dump(plan: Plan, start: jiff::Timestamp, lasts: Duration) -> anyhow::Result<()> {
    for outgoing in fleet::messages(plan, start, lasts) {
        if !print(&format!("{} {}", outgoing.topic, String::from_utf8_lossy(&outgoing.payload)))? {
            break;
        }
    }
    Ok(())
}
