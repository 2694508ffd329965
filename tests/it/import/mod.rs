//! `saola import`, by the real binary.

mod alarms;
mod formats;
mod kills;
mod recorded;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use saola::model::{ChannelId, SourceId, Timestamp};
use saola::registry::Registry;
use saola::store::{self, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::service::{BINARY, write_province};

/// How an import ended.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The report of `--json`.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// Rows, stored, duplicate and rejected of the only file.
    pub fn counts(&self) -> [u64; 4] {
        let file = &self.report()["files"][0];
        ["rows", "stored", "duplicate", "rejected"].map(|key| file[key].as_u64().unwrap())
    }
}

/// Runs `saola import` under a configuration.
pub fn import(config: &Path, arguments: &[&str]) -> Outcome {
    let output = command(config, arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn command(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["import", "--config"]).arg(config).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Where the maps of these tests are.
pub fn map(name: &str) -> String {
    format!("{}/tests/it/imports/{name}.toml", env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a configuration and weather stations, and no service.
pub struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With stations of these names, as [`crate::service::Province::Weather`].
    pub fn new(stations: &[&str]) -> Desk {
        let folder = TempDir::new().unwrap();
        let stations: Vec<String> = stations.iter().map(|&station| station.to_owned()).collect();
        write_province(&folder.path().join("province"), &stations, "");
        let desk = Desk { folder };
        let (data, province) = (desk.data(), desk.folder.path().join("province"));
        let config = format!("data_dir = {data:?}\nprovince_dir = {province:?}\nlog = \"warn\"\n");
        std::fs::write(desk.config(), config).unwrap();
        desk
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("saola.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file in the folder.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub fn import(&self, arguments: &[&str]) -> Outcome {
        import(&self.config(), arguments)
    }

    /// Everything in the history, by channel: time and value.
    pub fn histories(&self) -> BTreeMap<String, Vec<(Timestamp, f64)>> {
        let registry = Registry::open(&self.data().join("registry.db")).unwrap();
        let catalogue = registry.catalogue().unwrap();
        let store = self.store();
        let mut histories = BTreeMap::new();
        for channel in catalogue.channels() {
            let (from, to) = (Timestamp::from_seconds(0), Timestamp::from_seconds(4_000_000_000));
            let station = catalogue.station(channel.station).unwrap();
            let samples = store.range(ChannelId(channel.id.0), from, to).map(Result::unwrap);
            let samples = samples.map(|sample| (sample.observed_at, sample.value)).collect();
            histories.insert(format!("{}/{}", station.id, channel.property), samples);
        }
        histories
    }

    /// The store, which nobody else has open.
    pub fn store(&self) -> Store {
        Store::open(&self.data().join("store"), &store::Config::default()).unwrap()
    }

    /// Samples stored by a source, corrections counted again.
    pub fn stored_by(&self, source: &str) -> u64 {
        let registry = Registry::open(&self.data().join("registry.db")).unwrap();
        let source: SourceId = registry.source(source).unwrap();
        self.store().stored_counts().get(&source).copied().unwrap_or(0)
    }
}
