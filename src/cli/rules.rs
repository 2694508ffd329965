//! `saola rules`: tests of rules, and rules tried on stored history.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

use super::ask::Service;
use super::{USAGE, examined, say};
use crate::alerts::{self, Rules};
use crate::api::time::{When, Zone};
use crate::clock::Clock;
use crate::config;
use crate::document::read_text;
use crate::model::{Catalogue, Mistake, Policy, RuleFile};
use crate::registry::{Declared, Registry};
use crate::store::Store;
use crate::trial::{self, Asked, Outcome, Report};

/// Exit code of a test file that is wrong (`EX_DATAERR` of sysexits.h).
const DATA_ERROR: u8 = 65;

const TEST_HELP: &str = "\
A test file says what a station measures and what the rule must make of it:

  [[test]]
  rule = \"pm2-5-high\"
  every = \"5m\"
  series = { pm2_5 = \"20x3 60x4 20x5\" }
  expect = [\"25m active low\", \"50m cleared low\"]

What is not expected is a failure. The rules are those of the folder above a folder `tests`, else of the file's own
folder; `rules = [\"FILE\", …]` at the top of the file names others. Stations of the province are taken as they are,
others are made up. config/rules/README.md has the whole notation.

EXIT CODES
  0 all passed; 1 a test failed; 65 a test file is wrong; 64 the command or the rules are wrong";

/// What `saola rules` takes.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run tests of rules: series in, expected transitions out
    #[command(after_long_help = TEST_HELP)]
    Test {
        /// The outcome as JSON
        #[arg(long)]
        json: bool,
        /// Test files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Try rules on stored history: how often, how long, where
    Backtest {
        #[command(flatten)]
        backtest: Box<Backtest>,
        #[command(flatten)]
        service: Service,
    },
}

/// What `saola rules backtest` takes.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Backtest {
    /// File with the rules to try
    #[arg(long)]
    rule: PathBuf,
    /// Of these rules, only the one of this name
    #[arg(long)]
    name: Option<String>,
    /// From this time on: RFC 3339, a date, -90d
    #[arg(long, allow_hyphen_values = true)]
    from: String,
    /// Up to and without this time
    #[arg(long, allow_hyphen_values = true, default_value = "now")]
    to: String,
    /// Suggest the threshold that would raise so many alerts a month; for one rule with levels
    #[arg(long)]
    alerts_per_month: Option<f64>,
    /// Time zone of dates and months
    #[arg(long)]
    tz: Option<String>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
    /// Read the data folder of this configuration, whose service does not run, instead of asking a running service
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Command {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Command::Test { json, files } => test(&files, json),
            Command::Backtest { backtest, service } => backtest.run(&service),
        }
    }
}

fn tell(mistakes: &[Mistake], code: u8) -> ExitCode {
    mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
    ExitCode::from(code)
}

fn test(files: &[PathBuf], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut provinces: Vec<(PathBuf, Province)> = Vec::new();
    let mut outcomes = Vec::new();
    let mut wrong = Vec::new();
    for path in files {
        let text = match read_text(path) {
            Ok(text) => text,
            Err(mistake) => return Ok(tell(&[mistake], USAGE)),
        };
        let file = RuleFile { name: path.display().to_string(), text };
        let folder = rules_folder(path);
        if !provinces.iter().any(|(known, _)| *known == folder) {
            match Province::of(&folder) {
                Ok(province) => provinces.push((folder.clone(), province)),
                Err(mistakes) => return Ok(tell(&mistakes, USAGE)),
            }
        }
        let Some((_, province)) = provinces.iter().find(|(known, _)| *known == folder) else { continue };
        let rules = match province.rules(path, &file) {
            Ok(rules) => rules,
            Err(mistakes) => return Ok(tell(&mistakes, USAGE)),
        };
        match trial::read(&file, &rules, &province.catalogue) {
            Ok(cases) => outcomes.extend(cases.iter().map(trial::Case::run)),
            Err(mistakes) => wrong.extend(mistakes),
        }
    }
    if !wrong.is_empty() {
        return Ok(tell(&wrong, DATA_ERROR));
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    say(&if as_json { serde_json::to_string_pretty(&document(&outcomes))? } else { shown(&outcomes) })?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the rules of a test file are.
fn rules_folder(path: &Path) -> PathBuf {
    let folder = folder_of(path);
    match folder.file_name().zip(folder.parent()) {
        Some((name, above)) if name == "tests" => above.to_owned(),
        _ => folder,
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Rules and stations around a folder of rules.
struct Province {
    folder: PathBuf,
    files: Vec<RuleFile>,
    catalogue: Catalogue,
}

impl Province {
    fn of(rules: &Path) -> Result<Province, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let files = config::rule_files(rules, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let folder =
            rules.parent().filter(|folder| ["stations", "areas"].iter().any(|name| folder.join(name).is_dir()));
        let catalogue = match folder {
            Some(folder) => Declared::read(folder)?.catalogue(),
            None => Catalogue::default(),
        };
        Ok(Province { folder: rules.to_owned(), files, catalogue })
    }

    /// The rules that a test file may try: those that it names, else those of the folder but itself.
    fn rules(&self, path: &Path, file: &RuleFile) -> Result<Rules, Vec<Mistake>> {
        let named = trial::named_rules(file);
        // A file of tests may have the name of its rules, in a folder of its own.
        let beside = path.file_name().filter(|_| self.folder == folder_of(path)).unwrap_or_default().to_string_lossy();
        let mut files: Vec<RuleFile> = Vec::new();
        if named.is_empty() {
            files.extend(self.files.iter().filter(|other| other.name != beside && !is_tests(other)).cloned());
        }
        for name in named {
            let path = path.parent().unwrap_or(Path::new(".")).join(&name);
            files.push(RuleFile { name: path.display().to_string(), text: read_text(&path).map_err(|one| vec![one])? });
        }
        alerts::check_rules(&files, &self.catalogue, &mut Vec::new())
    }
}

/// Whether a file of the folder holds tests: rules and tests may lie side by side.
fn is_tests(file: &RuleFile) -> bool {
    file.text.lines().any(|line| line.trim_start().starts_with("[[test]]"))
}

fn shown(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.passed()) {
        text.push_str(&format!("{}:{}: {}: failed\n", outcome.file, outcome.line, outcome.name));
        for line in &outcome.lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    if text.is_empty() {
        return format!("{} passed", outcomes.len());
    }
    text.push_str("    (- expected and did not come, + came and was not expected)\n");
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    format!("{text}{failed} failed, {} passed", outcomes.len() - failed)
}

fn document(outcomes: &[Outcome]) -> serde_json::Value {
    let row = |outcome: &Outcome| {
        let lines: Vec<String> = outcome.lines.iter().map(ToString::to_string).collect();
        json!({
            "file": outcome.file, "line": outcome.line, "name": outcome.name, "rules": outcome.rules,
            "passed": outcome.passed(), "transitions": lines,
        })
    };
    json!({ "passed": outcomes.iter().all(Outcome::passed), "tests": outcomes.iter().map(row).collect::<Vec<_>>() })
}

impl Backtest {
    fn run(&self, service: &Service) -> anyhow::Result<ExitCode> {
        let text = match read_text(&self.rule) {
            Ok(text) => text,
            Err(mistake) => return Ok(tell(&[mistake], USAGE)),
        };
        let report = match &self.config {
            None => {
                let body = json!({
                    "rule": text, "name": self.name, "from": self.from, "to": self.to, "tz": self.tz,
                    "alerts_per_month": self.alerts_per_month,
                });
                serde_json::from_str::<Report>(&service.post_json("/api/v1/rules/backtest", &body)?)?
            }
            Some(config) => match self.offline(config, text)? {
                Ok(report) => report,
                Err(code) => return Ok(code),
            },
        };
        if self.json { say(&serde_json::to_string_pretty(&report)?) } else { say(report.to_string().trim_end()) }
    }

    /// Reads the data folder itself; the inner error is what was told already.
    fn offline(&self, path: &Path, text: String) -> anyhow::Result<Result<Report, ExitCode>> {
        let config = match examined(path) {
            Ok(found) => found.config,
            Err(code) => return Ok(Err(code)),
        };
        let zone = match self.tz.as_deref().map_or_else(|| Ok(Zone::default()), Zone::parse) {
            Ok(zone) => zone,
            Err(why) => {
                eprintln!("saola: --tz {why}");
                return Ok(Err(ExitCode::from(USAGE)));
            }
        };
        let now = Clock::System.now();
        let ends = [("--from", &self.from), ("--to", &self.to)].map(|(name, text)| {
            When::parse(text).map(|when| when.settle(now, &zone)).map_err(|why| eprintln!("saola: {name} {why}"))
        });
        let [Ok(from), Ok(to)] = ends else { return Ok(Err(ExitCode::from(USAGE))) };
        let data = &config.data_dir;
        let registry = Registry::open_to_read(&data.join(crate::app::REGISTRY_FILE))?;
        let registry = registry.with_context(|| format!("{} holds no data yet", data.display()))?;
        let catalogue = registry.catalogue()?;
        let policy =
            Declared::read(&config.province_dir).map_or_else(|_| Policy::default(), |read| read.policy().clone());
        let file = RuleFile { name: self.rule.display().to_string(), text };
        let rules = match alerts::check_rules(&[file], &catalogue, &mut Vec::new()) {
            Ok(rules) => rules,
            Err(mistakes) => return Ok(Err(tell(&mistakes, USAGE))),
        };
        let rules = match trial::only(rules, self.name.as_deref()) {
            Ok(rules) => rules,
            Err(why) => {
                eprintln!("saola: --name {why}");
                return Ok(Err(ExitCode::from(USAGE)));
            }
        };
        let in_force = config::rule_files(&config.province_dir.join("rules"), &mut Vec::new());
        let in_force = alerts::check_rules(&in_force, &catalogue, &mut Vec::new()).unwrap_or_default();
        let store = Store::open(&data.join("store"), &config.store)
            .with_context(|| format!("a service may be running on {}: leave --config out to ask it", data.display()))?;
        store.install(&catalogue);
        let asked = Asked {
            catalogue: &catalogue,
            policy: &policy,
            rules,
            in_force,
            from,
            to,
            now,
            zone: zone.zone().clone(),
            alerts_per_month: self.alerts_per_month,
            samples_max: config.history.samples_max,
        };
        Ok(Ok(trial::backtest(&store, &asked, |_| true, &AtomicBool::new(false))?))
    }
}
