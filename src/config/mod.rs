//! The configuration: one TOML file, every key with a default, every mistake reported in one run with its line.
//!
//! Each part owns its section's struct, with its defaults; this module composes them, holds the range of every number
//! ([`ranges`]) and what only shows when sections are looked at together. Unknown keys are errors. The shipped file
//! ([`DEFAULT_FILE`]) documents every key, and tests prove that it says what [`Config::default`] does.
//!
//! The environment goes before the file: `SAOLA_HTTP`, `SAOLA_MQTT` and `SAOLA_DATA`, and for any other key its path
//! in capitals with two underscores between the parts (`SAOLA__STORE__FLUSH_SAMPLES=1000`).
//!
//! Relative paths in the file start at the file's own folder, except `data_dir`, which is written and not read: it
//! starts where the service was started.

mod draft;
mod environment;
mod examine;
mod files;
mod ranges;
mod relations;
mod sources;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use examine::{Examination, check, escalation_plan, examine, grouping_files, rule_files};
pub use ranges::{Bounds, RANGES};
pub(crate) use relations::DERIVED_SOURCE;
pub use sources::with_topics;

use crate::decode::source;
use crate::model::{Mistake, Span};
use crate::mqtt::canary;
use crate::{alerts, api, cap, coverage, history, intake, journal, mqtt, notify, open_data, store, validate};

/// The shipped file: every key with its unit, its range and its default.
pub const DEFAULT_FILE: &str = include_str!("../../config/saola.toml");

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where everything is kept; made when it is missing.
    pub data_dir: PathBuf,
    /// Folder with `stations/*.toml`, `areas/*.geojson`, `rules/*.toml`, `quality.toml`, `indices.toml`,
    /// `escalation.toml`, `incidents.toml` and `heat_sources.toml`.
    pub province_dir: PathBuf,
    /// What is logged, as `tracing` directives: `info`, `info,saola::mqtt=debug`.
    pub log: String,
    /// How often time is noted in the journal: silence and hold times are judged at these moments.
    pub tick: Span,
    /// Pages and API.
    pub http: api::Config,
    /// Ways in by MQTT.
    pub mqtt: Mqtt,
    /// Ways in by files and requests.
    pub intake: intake::Config,
    /// What is acknowledged, on disk.
    pub journal: journal::Config,
    /// History.
    pub store: store::Config,
    /// Questions about history.
    pub history: history::Config,
    /// How much of the forest is watched.
    pub coverage: coverage::Config,
    /// Which readings are believed.
    pub validate: validate::Config,
    /// Alerts.
    pub alerts: alerts::Config,
    /// How alerts get out.
    pub notify: notify::Config,
    /// Alerts for other systems.
    pub cap: cap::Config,
    /// What anybody may read.
    pub open_data: open_data::Config,
    /// Saola's own message, which tells whether the way in is open.
    pub canary: canary::Config,
    /// Devices of other makers.
    #[serde(rename = "source", skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<source::Config>,
}

/// Ways in by MQTT.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// The embedded edge that devices connect to.
    pub edge: mqtt::edge::Config,
    /// Outside brokers that are read from.
    #[serde(rename = "client")]
    pub clients: Vec<mqtt::client::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "data".into(),
            province_dir: ".".into(),
            log: "info".to_owned(),
            tick: Span::from_seconds(1),
            http: api::Config::default(),
            mqtt: Mqtt::default(),
            intake: intake::Config::default(),
            journal: journal::Config::default(),
            store: store::Config::default(),
            history: history::Config::default(),
            coverage: coverage::Config::default(),
            validate: validate::Config::default(),
            alerts: alerts::Config::default(),
            notify: notify::Config::default(),
            cap: cap::Config::default(),
            open_data: open_data::Config::default(),
            canary: canary::Config::default(),
            sources: Vec::new(),
        }
    }
}

/// Reads the file and the environment: everything right, or every mistake.
pub fn load(path: &Path) -> Result<Config, Vec<Mistake>> {
    load_with(path, &environment::of_process())
}

/// Reads the file and the given variables: everything right, or every mistake.
pub fn load_with(path: &Path, variables: &[(String, String)]) -> Result<Config, Vec<Mistake>> {
    let (config, mistakes, _) = read(path, variables, |_| Findings::default());
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

/// What is found in values that were read, as key and sentence.
#[derive(Debug, Default)]
struct Findings {
    mistakes: Vec<(String, String)>,
    warnings: Vec<(String, String)>,
}

/// The configuration as far as it can be understood, every mistake in it, and every warning. `beyond` looks at what
/// it leads to.
fn read(
    path: &Path,
    variables: &[(String, String)],
    beyond: impl FnOnce(&Config) -> Findings,
) -> (Config, Vec<Mistake>, Vec<Mistake>) {
    let text = match crate::document::read_text(path) {
        Ok(text) => text,
        Err(mistake) => {
            let config = Config::default();
            beyond(&config);
            return (config, vec![mistake], Vec::new());
        }
    };
    let mut draft = draft::Draft::parse(&path.display().to_string(), &text);
    environment::lay_over(&mut draft, variables);
    draft.check_ranges();
    let mut config: Config = draft.settle();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::start_at(&mut config, folder);
    for (key, message) in relations::mistakes(&config) {
        if !relations::judged_by(&key).is_some_and(|judge| draft.is_noted(&judge)) {
            draft.mistake(&key, message);
        }
    }
    for (key, message) in files::mistakes(&config, path) {
        draft.mistake(&key, message);
    }
    let found = beyond(&config);
    for (key, message) in found.mistakes {
        draft.mistake(&key, message);
    }
    let warnings = sources::warnings(&config).into_iter().chain(found.warnings);
    let warnings = warnings.filter_map(|(key, message)| draft.warning(&key, message)).collect();
    (config, draft.into_mistakes(), warnings)
}
