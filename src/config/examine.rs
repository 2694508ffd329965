//! `saola check`: the configuration and every file that it leads to, in one run, without opening a port or a database.

use std::path::Path;

use super::{Config, Findings, environment, read, sources};
use crate::alerts;
use crate::alerts::workflow::{ESCALATION_FILE, read_plan};
use crate::document::read_text;
use crate::incidents::{Plan, plan};
use crate::model::{Catalogue, EscalationPlan, Mistake, RuleFile};
use crate::registry::Declared;

/// What a look at everything found.
#[derive(Debug)]
pub struct Examination {
    /// The configuration, with defaults in the place of what is wrong.
    pub config: Config,
    /// Everything that must be mended.
    pub mistakes: Vec<Mistake>,
    /// What is allowed, but probably not meant.
    pub warnings: Vec<Mistake>,
    /// Stations declared.
    pub stations_count: usize,
    /// Areas declared.
    pub areas_count: usize,
    /// Rules declared.
    pub rules_count: usize,
}

/// Looks at a configuration and at the stations, areas and rules that it names, under this process's environment.
pub fn check(path: &Path) -> Examination {
    examine(path, &environment::of_process())
}

/// Looks at everything, with the given variables in the place of the environment.
pub fn examine(path: &Path, variables: &[(String, String)]) -> Examination {
    let (mistakes, warnings) = (Vec::new(), Vec::new());
    let config = Config::default();
    let mut found = Examination { config, mistakes, warnings, stations_count: 0, areas_count: 0, rules_count: 0 };
    let (config, mut mistakes, mut warnings) = read(path, variables, |config| {
        if config.province_dir.is_dir() { found.look_at_province(config) } else { Findings::default() }
    });
    mistakes.append(&mut found.mistakes);
    warnings.append(&mut found.warnings);
    Examination { config, mistakes, warnings, ..found }
}

impl Examination {
    /// Looks at the province; gives what the configuration says of it wrongly.
    fn look_at_province(&mut self, config: &Config) -> Findings {
        let folder = config.province_dir.as_path();
        let rules = rule_files(&folder.join("rules"), &mut self.mistakes);
        let grouping = grouping_files(folder, &mut self.mistakes);
        if let Err(mistakes) = Plan::read(&grouping) {
            let beside =
                |mistake: Mistake| Mistake { file: folder.join(&mistake.file).display().to_string(), ..mistake };
            self.mistakes.extend(mistakes.into_iter().map(beside));
        }
        let (declared, mistakes) = Declared::read_what_is_right(folder);
        let stations_are_wrong = !mistakes.is_empty();
        self.mistakes.extend(mistakes);
        self.warnings.extend_from_slice(declared.warnings());
        (self.stations_count, self.areas_count) = declared.counts();
        if stations_are_wrong && self.stations_count == 0 {
            // Rules and sources speak of stations: without any, all of them would look wrong.
            return Findings::default();
        }
        let catalogue = declared.catalogue();
        let in_folder = |mistake: Mistake| Mistake {
            file: folder.join("rules").join(&mistake.file).display().to_string(),
            ..mistake
        };
        let mut doubts = Vec::new();
        match alerts::check_rules(&rules, &catalogue, &mut doubts) {
            Ok(rules) => self.rules_count = rules.list().len(),
            Err(mistakes) => self.mistakes.extend(mistakes.into_iter().map(in_folder)),
        }
        if let Err(mistakes) = escalation_plan(folder, &catalogue) {
            self.mistakes.extend(mistakes);
        }
        // Stations may also be made over HTTP; those are in the registry, which is not opened here.
        let in_files = |doubt: Mistake| Mistake { message: format!("in the files {}", doubt.message), ..doubt };
        self.warnings.extend(doubts.into_iter().map(in_folder).map(in_files));
        let mut beside = sources::beside(&config.sources, &catalogue);
        for (place, counter) in config.history.counters.iter().enumerate() {
            if catalogue.channel_named(&counter.channel).is_none() {
                let message = format!("no file of the province declares a channel {:?}", counter.channel);
                beside.warnings.push((format!("history.counter[{place}].channel"), message));
            }
        }
        beside
    }
}

/// The plan of escalation in a province's folder; without a file nobody is called.
pub fn escalation_plan(folder: &Path, catalogue: &Catalogue) -> Result<EscalationPlan, Vec<Mistake>> {
    let path = folder.join(ESCALATION_FILE);
    if !path.exists() {
        return Ok(EscalationPlan::default());
    }
    let text = read_text(&path).map_err(|mistake| vec![mistake])?;
    read_plan(&path.display().to_string(), &text, catalogue)
}

/// What says which alerts belong together, as far as it is there. What cannot be read is a mistake.
pub fn grouping_files(province: &Path, mistakes: &mut Vec<Mistake>) -> Vec<RuleFile> {
    let mut files = Vec::new();
    for name in [plan::GROUPS_FILE, plan::HEAT_SOURCES_FILE] {
        let path = province.join(name);
        if !path.exists() {
            continue;
        }
        match read_text(&path) {
            Ok(text) => files.push(RuleFile { name: name.to_owned(), text }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    files
}

/// The folder's rule files by name; none when there is no such folder. Those that cannot be read are mistakes.
pub fn rule_files(folder: &Path, mistakes: &mut Vec<Mistake>) -> Vec<RuleFile> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match read_text(&path) {
            Ok(text) => files.push(RuleFile { name, text }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    files
}
