//! `saola-sim`: the command line of the simulators.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
