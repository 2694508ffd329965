//! The commands and their options. What a command prints goes to standard output, everything else to standard error.

mod fleet;
mod load;
mod replay;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use saola_sim::mqtt::Credentials;

#[derive(Parser)]
#[command(name = "saola-sim", version, about = "Simulators for Saola: a fleet, recorded series, load")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Publish what the province's devices observe in a scenario
    Run(fleet::Run),
    /// Publish a recorded series, its times moved so that the last row is now
    Replay(replay::Replay),
    /// Publish many devices' messages at a rate and measure the acknowledgements
    Load(load::Load),
    /// Subscribe and count, nothing else
    Count(load::Count),
}

/// How to sign in.
#[derive(clap::Args)]
struct SignIn {
    /// User name at the broker
    #[arg(long, requires = "password")]
    username: Option<String>,
    /// Password at the broker
    #[arg(long, requires = "username")]
    password: Option<String>,
}

impl SignIn {
    fn credentials(self) -> Option<Credentials> {
        Some(Credentials { username: self.username?, password: self.password? })
    }
}

/// Runs the command of this process's arguments.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    let outcome = runtime.block_on(async {
        match arguments.command {
            Command::Run(command) => fleet::run(command).await,
            Command::Replay(command) => replay::replay(command).await,
            Command::Load(command) => load::load(command).await,
            Command::Count(command) => load::count(command).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "saola-sim: {error:#}");
    ExitCode::FAILURE
}

/// Resolves on Ctrl-C or SIGTERM.
async fn stopped() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// A line on standard output; a closed pipe is no error.
fn print(line: &str) -> anyhow::Result<bool> {
    match writeln!(std::io::stdout(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write to standard output"),
    }
}
