//! `saola run` and `saola demo`: the service until it is told to stop.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use rust_embed::RustEmbed;
use saola_sim::fleet;
use saola_sim::scenario::{Fault, FaultKind};
use saola_sim::span::Span;
use tokio_util::sync::CancellationToken;

use super::{Demo as DemoLine, USAGE, examined, say};
use crate::api::Demo;
use crate::app::canary::Pass;
use crate::app::{App, Door};
use crate::config::Config;
use crate::mqtt::edge::Access;
use crate::{shutdown, telemetry};

/// How far back the demonstration begins: the landslide threshold takes four days of rain.
const DEMO_PAST: Span = Span(100.0 * 3_600.0);

/// The province as it is shipped: stations, areas and rules; under `demo/` what only the demonstration has, as it is
/// invented.
#[derive(RustEmbed)]
#[folder = "config/"]
#[include = "stations/*"]
#[include = "areas/*"]
#[include = "demo/areas/*"]
#[include = "rules/*"]
#[include = "quality.toml"]
#[include = "escalation.toml"]
#[include = "indices.toml"]
#[include = "incidents.toml"]
#[include = "heat_sources.toml"]
struct Province;

pub(super) fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let config = match examined(path) {
        Ok(found) => found.config,
        Err(code) => return Ok(code),
    };
    let canary = Pass::random();
    let own = canary.iter().map(|pass| pass.account.clone());
    let accounts: Vec<_> = config.mqtt.edge.accounts.iter().cloned().chain(own).collect();
    let devices = match Access::configured(&accounts) {
        Ok(devices) => devices,
        Err(mistakes) => {
            mistakes.iter().for_each(|mistake| eprintln!("{}: {mistake}", path.display()));
            return Ok(ExitCode::from(USAGE));
        }
    };
    telemetry::log(&config.log);
    let door = Door { demo: Demo::Off, devices, canary };
    serve(config, door, |app| {
        if let Some(first) = app.first_password() {
            let (name, password) = (&first.name, &first.password);
            println_now(&format!("first start: sign in as {name} with the password {password}"));
            println_now("(it is shown this once and kept nowhere)");
        }
        None
    })
}

pub(super) fn demo(line: DemoLine) -> anyhow::Result<ExitCode> {
    for address in [line.http, line.mqtt] {
        anyhow::ensure!(
            address.ip().is_loopback(),
            "{address} can be reached by others: the demo lets everybody in, so it listens on the loopback only"
        );
    }
    let plan = match line.scenario.as_str() {
        "none" => None,
        name => Some(fleet::Plan { speed: Some(line.speed), faults: vec![kept()], ..fleet::Plan::shipped(name)? }),
    };
    let is_temporary = line.data.is_none();
    let data = match line.data {
        Some(data) => data,
        None => temporary_folder().context("cannot make a temporary folder")?,
    };
    let province = data.join("province");
    write_province(&province).with_context(|| format!("cannot write the stations to {}", province.display()))?;

    let mut config = Config { data_dir: data.clone(), province_dir: province, ..Config::default() };
    config.http.listen = line.http;
    config.mqtt.edge.listen = line.mqtt;
    telemetry::log("warn");
    let door = Door { demo: Demo::Loopback, devices: Access::open(), canary: None };
    let code = serve(config, door, |app| {
        println_now("This is a demo: whoever is at this machine is signed in, and anybody here may publish.");
        plan.zip(app.mqtt())
    });
    if is_temporary {
        // Nothing to be done when it cannot be removed: the folder is the system's temporary one.
        let _ = std::fs::remove_dir_all(&data);
    }
    code
}

/// Stations of air, weather and rain hand in what they kept of the last days, so that indices of hours and days, which a
/// demonstration does not wait for, have something to be made from.
fn kept() -> Fault {
    let stations = ["AQ-*", "WX-*", "RG-*"].map(str::to_owned).to_vec();
    Fault { stations, amount: Some(DEMO_PAST), ..Fault::of(FaultKind::Backlog) }
}

/// Starts, says where everything is, and serves until the process is told to stop. `begun` may give a fleet to run
/// and the address it publishes to.
fn serve(
    config: Config,
    door: Door,
    begun: impl FnOnce(&App) -> Option<(fleet::Plan, std::net::SocketAddr)>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = shutdown::on_signal().context("cannot wait for signals")?;
        shutdown::prepare_process();
        let metrics = telemetry::metrics().context("cannot measure")?;
        let app = App::start(config, door, metrics).await?;
        println_now(&format!("pages and API  http://{}", app.http()));
        if let Some(mqtt) = app.mqtt() {
            println_now(&format!("MQTT           {mqtt}"));
        }
        let fleet = begun(&app).map(|(plan, broker)| tokio::spawn(run_fleet(plan, broker.to_string(), stop.clone())));
        stop.cancelled().await;
        if let Some(fleet) = fleet {
            let _ = fleet.await;
        }
        app.stop().await;
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn run_fleet(plan: fleet::Plan, broker: String, stop: CancellationToken) {
    let scenario_ended = fleet::run(fleet::Options::new(plan, broker), stop.cancelled_owned()).await;
    if let Err(error) = scenario_ended {
        tracing::error!(%error, "the simulated fleet stopped");
    }
}

/// A folder of our own, which was not there before and which nobody else may enter.
fn temporary_folder() -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("saola-demo-{:016x}", rand::random::<u64>()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// The embedded province as files, so that a look at them explains what the demo shows.
fn write_province(folder: &Path) -> std::io::Result<()> {
    for name in Province::iter() {
        let Some(file) = Province::get(&name) else { continue };
        let path: PathBuf = folder.join(name.strip_prefix("demo/").unwrap_or(name.as_ref()));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, file.data)?;
    }
    Ok(())
}

fn println_now(text: &str) {
    // A closed standard output is no reason not to serve.
    let _ = say(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_province_is_inside_the_binary() {
        let names: Vec<String> = Province::iter().map(|name| name.into_owned()).collect();
        for folder in ["stations/", "areas/", "rules/"] {
            assert!(names.iter().any(|name| name.starts_with(folder)), "{folder} in {names:?}");
        }
    }
}
