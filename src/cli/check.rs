//! `saola check`: the configuration and the files it names; when asked, InfluxDB as well.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use super::{examined, say};
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
