//! `saola user`, `saola token` and `saola device`: the accounts in the data folder; the service may be running.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;

use super::say;
use crate::auth::{Accounts, By, Devices, NewAccount, NewPassword, Role, Scope, source_token};
use crate::clock::Clock;
use crate::database::Database;
use crate::model::{AreaId, Span};

/// Where the accounts are.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The service's data folder
    #[arg(long, env = "SAOLA_DATA", default_value = "data", global = true)]
    data: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make an account; its password is shown this once
    Add {
        name: String,
        /// administrator, operator, planner or ranger
        #[arg(long, value_parser = role)]
        role: Role,
        /// Areas that it is confined to, by code; everything when absent
        #[arg(long = "area")]
        areas: Vec<String>,
    },
    /// Every account
    List,
    /// Take an account out of use: its tokens end at once
    Disable { name: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; it is shown this once
    Issue {
        /// Whose it is
        #[arg(long)]
        user: String,
        /// How long it holds, such as 90d
        #[arg(long)]
        expires: Span,
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Make a token for a [[source]] that takes requests; it is shown this once and kept nowhere
    Source,
}

#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// Let a device in; its password is shown this once
    Add {
        /// Its MQTT user name
        name: String,
        /// A station that it speaks for; may be repeated
        #[arg(long = "station", required = true)]
        stations: Vec<String>,
    },
    /// Every device
    List,
    /// Shut a device out: its connections end within a second
    Revoke { name: String },
}

/// Who did it, in the audit.
const BY: &str = "command line";

impl Place {
    fn accounts(&self) -> anyhow::Result<Accounts> {
        std::fs::create_dir_all(&self.data)?;
        Ok(Accounts::open(&self.data.join("registry.db"))?)
    }
}

impl DeviceCommand {
    pub(super) fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&place.data)?;
        let devices = Devices::over(Arc::new(Database::open(&place.data.join("registry.db"))?));
        let by = By { actor: BY, origin: None, now: Clock::System.now() };
        match self {
            DeviceCommand::Add { name, stations } => {
                let issued = devices.issue(by, &name, &stations)?;
                say(&format!("{} has the password {}", issued.name, issued.password))
            }
            DeviceCommand::List => {
                for device in devices.list()? {
                    let state = device.revoked_at.map_or("enabled".to_owned(), |at| format!("revoked {at}"));
                    say(&format!("{}\t{}\t{state}", device.name, device.stations.join(" ")))?;
                }
                Ok(ExitCode::SUCCESS)
            }
            DeviceCommand::Revoke { name } => {
                devices.revoke(by, &name)?;
                say(&format!("{name} is revoked"))
            }
        }
    }
}

impl UserCommand {
    pub(super) fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        let (accounts, now) = (place.accounts()?, Clock::System.now());
        match self {
            UserCommand::Add { name, role, areas } => {
                let scope = if areas.is_empty() {
                    Scope::All
                } else {
                    Scope::Areas(areas.iter().map(|area| AreaId::new(area)).collect())
                };
                match accounts.add(BY, &NewAccount { name, role, scope }, &NewPassword::Random, now)? {
                    Some(added) => say(&format!("{} has the password {}", added.name, added.password)),
                    None => Ok(ExitCode::SUCCESS),
                }
            }
            UserCommand::List => {
                for account in accounts.list()? {
                    let state = if account.disabled_at.is_some() { "disabled" } else { "enabled" };
                    say(&format!("{}\t{}\t{:?}\t{state}", account.name, account.role.word(), account.scope))?;
                }
                Ok(ExitCode::SUCCESS)
            }
            UserCommand::Disable { name } => {
                accounts.disable(BY, &name, now)?;
                say(&format!("{name} is disabled"))
            }
        }
    }
}

impl TokenCommand {
    pub(super) fn run(self, place: &Place) -> anyhow::Result<ExitCode> {
        match self {
            TokenCommand::Issue { user, expires, label } => {
                let issued = place.accounts()?.issue_token(BY, &user, &label, expires.into(), Clock::System.now())?;
                say(&issued.token)
            }
            TokenCommand::Source => {
                let (token, hash) = source_token()?;
                say(&format!("the sender's token: {token}\nfor the section:    token_sha256 = \"{hash}\""))
            }
        }
    }
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "use administrator, operator, planner or ranger".to_owned())
}
