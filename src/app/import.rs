//! The service's insides without its doors, for history that a person brings in: the same journal, state and store,
//! caught up and followed as always, but no port, no tick and no first account. And a dry run, which opens nothing.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::open::{self, Opened};
use super::{EDGE_SOURCE, StartError, start_followers};
use crate::clock::Clock;
use crate::config::Config;
use crate::intake::{Destination, Stopped};
use crate::model::{Catalogue, ChannelId, Intake as _, Judged, Mistake, Refusal, Rows, Seq, SourceId};
use crate::registry::Declared;
use crate::validate;

/// The service's data folder, open for rows alone.
pub struct Importer {
    runtime: Runtime,
    opened: Opened,
    source: SourceId,
    clock: Clock,
    catalogue: Arc<Catalogue>,
    stop_followers: CancellationToken,
    followers: Vec<JoinHandle<()>>,
}

impl Importer {
    /// Why a name cannot be that of a source of imports; `None` when it can.
    pub fn wrong_source(config: &Config, name: &str) -> Option<String> {
        let is_name = (1..=64).contains(&name.chars().count())
            && name.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter));
        if !is_name {
            return Some(format!("{name:?} is no name of a source: use 1 to 64 letters, digits and -_."));
        }
        let is_ours = name == EDGE_SOURCE || name == super::derive::SOURCE;
        let is_taken = is_ours || config.mqtt.clients.iter().any(|client| client.name == name);
        is_taken.then(|| format!("{name:?} is the name of a way in by MQTT: name the import's source differently"))
    }

    /// Opens everything, as the service does. `source` is what the ledger calls these rows.
    ///
    /// # Errors
    /// As [`super::App::start`]; the journal is in use while the service runs.
    pub fn start(config: &Config, source: &str) -> Result<Importer, StartError> {
        let clock = Clock::System;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let (opened, bookmarks) = open::open(config, &[source], None, &clock)?;
        let source = opened.other_sources[0];
        let stop_followers = CancellationToken::new();
        let entered = runtime.enter();
        let (followers, _troubles) = start_followers(&opened, bookmarks, None, &stop_followers)?;
        drop(entered);
        let catalogue = Arc::new(opened.registry.catalogue()?);
        Ok(Importer { runtime, opened, source, clock, catalogue, stop_followers, followers })
    }

    /// Writes out what is in memory and ends.
    ///
    /// # Errors
    /// When something could not be written. What was durable before is, all the same.
    pub fn finish(self) -> Result<(), Stopped> {
        let closed = self.opened.journal.close().map_err(|error| Stopped(format!("the journal: {error}")));
        self.stop_followers.cancel();
        let ended = self.followers.into_iter().map(JoinHandle::join).all(|ended| ended.is_ok());
        closed?;
        let status = self.opened.store.status();
        if ended && !status.stopped && status.checkpoint == self.opened.journal.status().durable {
            return Ok(());
        }
        Err(Stopped(
            "the rows are in the journal but not all of them are in the store yet; they will be when the \
                     service has started"
                .to_owned(),
        ))
    }

    fn stopped() -> Stopped {
        Stopped("the journal does not write any more; is the disk full or failing?".to_owned())
    }
}

impl Destination for Importer {
    fn take(&mut self, file: &str, rows: &Rows<'_>) -> Result<Judged, Stopped> {
        loop {
            match self.opened.pipeline.import(self.source, file, self.clock.now(), rows) {
                Ok(judged) => return Ok(judged),
                Err(Refusal::Stopped) => return Err(Self::stopped()),
                Err(Refusal::Full) => {
                    let pipeline = self.opened.pipeline.clone();
                    self.runtime.block_on(async move { pipeline.room().await });
                }
            }
        }
    }

    fn durable(&mut self) -> Result<Seq, Stopped> {
        let durable = *self.opened.pipeline.durable().borrow();
        if durable.failed { Err(Self::stopped()) } else { Ok(durable.through) }
    }

    fn wait_durable(&mut self, seq: Seq) -> Result<(), Stopped> {
        let mut durable = self.opened.pipeline.durable();
        let reached = self.runtime.block_on(async move {
            durable.wait_for(|durable| durable.failed || durable.through >= seq).await.map(|durable| !durable.failed)
        });
        if matches!(reached, Ok(true)) { Ok(()) } else { Err(Self::stopped()) }
    }

    fn channel(&self, channel: ChannelId) -> String {
        name(&self.catalogue, channel)
    }
}

/// Validates and keeps nothing: what is there already is not looked for.
pub struct DryRun {
    catalogue: Catalogue,
    config: validate::Config,
    clock: Clock,
}

impl DryRun {
    /// Over the stations of the configuration's files.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn new(config: &Config) -> Result<DryRun, Vec<Mistake>> {
        let catalogue = Declared::read(&config.province_dir)?.catalogue();
        Ok(DryRun { catalogue, config: config.validate.clone(), clock: Clock::System })
    }
}

impl Destination for DryRun {
    fn take(&mut self, _file: &str, rows: &Rows<'_>) -> Result<Judged, Stopped> {
        let checked = validate::check_rows(&self.config, &self.catalogue, rows, self.clock.now(), Ok);
        let mut judged = Judged { samples: checked.samples, duplicates: checked.replaced, ..Judged::default() };
        for (row, rejections) in checked.refused {
            judged.refused.extend(rejections.into_iter().map(|rejection| (row.line, rejection)));
        }
        Ok(judged)
    }

    fn durable(&mut self) -> Result<Seq, Stopped> {
        Ok(Seq::default())
    }

    fn wait_durable(&mut self, _seq: Seq) -> Result<(), Stopped> {
        Ok(())
    }

    fn channel(&self, channel: ChannelId) -> String {
        name(&self.catalogue, channel)
    }
}

fn name(catalogue: &Catalogue, id: ChannelId) -> String {
    let found = catalogue.channel(id).and_then(|channel| Some((catalogue.station(channel.station)?, channel)));
    found.map_or_else(|| format!("channel {id}"), |(station, channel)| format!("{}/{}", station.id, channel.property))
}
