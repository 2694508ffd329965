//! `saola check`: the configuration and the files it names; when asked, InfluxDB as well.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{examined, say};
use crate::config::{Config, rule_files};
use crate::registry::{Declared, Foretold, Registry};
use crate::rulebook;
use crate::store::Kind;
use crate::store::influx::{self, Setup};

/// What is asked of InfluxDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing: no byte leaves the machine.
    Nothing,
    /// Whether token and bucket do.
    Verify,
    /// The same; the bucket is made if it is not there.
    CreateBucket,
}

impl Asked {
    pub(super) fn of(verify: bool, create_bucket: bool) -> Self {
        match (verify, create_bucket) {
            (_, true) => Asked::CreateBucket,
            (true, false) => Asked::Verify,
            (false, false) => Asked::Nothing,
        }
    }
}

/// Exit code of `check --diff` when the files would change something.
const WOULD_CHANGE: u8 = 2;

/// Shows what a start with these files would do to the registry: added, changed field by field, retired. Works beside
/// a running service and changes nothing.
pub(super) fn diff(path: &Path) -> anyhow::Result<ExitCode> {
    let found = match examined(path) {
        Ok(found) => found,
        Err(code) => return Ok(code),
    };
    let declared = Declared::read(&found.config.province_dir).map_err(|mistakes| {
        anyhow::anyhow!(
            "the files were changed meanwhile: {}",
            mistakes.first().map(ToString::to_string).unwrap_or_default()
        )
    })?;
    let registry = Registry::open_to_read(&found.config.data_dir.join(crate::app::REGISTRY_FILE))?;
    let registered = registry.map_or_else(|| Ok(Vec::new()), |registry| registry.stations())?;
    let foretold = declared.compare(&registered);
    let counts = foretold.iter().fold([0; 4], |mut counts, one| {
        let place = match one {
            Foretold::Added(_) => 0,
            Foretold::Changed { .. } => 1,
            Foretold::Retired(_) => 2,
            Foretold::Refused { .. } => 3,
        };
        counts[place] += 1;
        counts
    });
    let lines = foretold.iter().map(|one| format!("{one}\n")).collect::<String>();
    let [added, changed, retired, refused] = counts;
    let _ = say(&format!("{lines}{added} added, {changed} changed, {retired} retired, {refused} refused"))?;
    Ok(if foretold.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WOULD_CHANGE) })
}

/// Says which rules made by hand a start with these files would leave out, and why. Works beside a running service.
fn warn_of_rules_made_by_hand(config: &Config) {
    let looked = || -> anyhow::Result<()> {
        let Some(registry) = Registry::open_to_read(&config.data_dir.join(crate::app::REGISTRY_FILE))? else {
            return Ok(());
        };
        let files = rule_files(&config.province_dir.join("rules"), &mut Vec::new());
        let catalogue = registry.catalogue()?;
        let together = rulebook::together(&files, &registry.rules_made()?, None, &catalogue);
        // Mistakes in the files are told by the check itself.
        for (name, file) in together.iter().flat_map(|together| &together.overridden) {
            eprintln!("warning: rules/{file}: has a rule {name:?}: the one made by hand will not be in force");
        }
        for mistake in together.iter().flat_map(|together| &together.set_aside) {
            eprintln!("warning: {mistake}: the rule made by hand will not be in force");
        }
        Ok(())
    };
    if let Err(error) = looked() {
        eprintln!("warning: rules made by hand were not looked at: {error:#}");
    }
}

pub(super) fn run(path: &Path, asked: Asked) -> anyhow::Result<ExitCode> {
    let found = match examined(path) {
        Ok(found) => found,
        Err(code) => return Ok(code),
    };
    let _ = say(&format!(
        "{} is right: {} stations, {} areas, {} rules",
        path.display(),
        found.stations_count,
        found.areas_count,
        found.rules_count
    ))?;
    warn_of_rules_made_by_hand(&found.config);
    if asked == Asked::Nothing {
        return Ok(ExitCode::SUCCESS);
    }
    let store = &found.config.store;
    anyhow::ensure!(store.kind == Kind::Influx, "store.kind is \"embedded\": there is no InfluxDB to ask");
    let (url, bucket) = (&store.influx.url, &store.influx.bucket);
    let at = || format!("InfluxDB at {url}");
    let mut setup = influx::examine(&store.influx).with_context(at)?;
    if setup == Setup::NoBucket && asked == Asked::CreateBucket {
        influx::create_bucket(&store.influx).with_context(at)?;
        let _ = say(&format!("InfluxDB at {url}: the bucket {bucket:?} was made"))?;
        setup = influx::examine(&store.influx).with_context(at)?;
    }
    match setup {
        Setup::Ready => say(&format!("InfluxDB at {url}: the token may read and write the bucket {bucket:?}")),
        Setup::NoBucket => anyhow::bail!(
            "InfluxDB at {url}: the token is good, but sees no bucket {bucket:?}; `saola check --create-bucket` makes it"
        ),
    }
}
