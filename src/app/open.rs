//! Opens what is on disk and brings it to one point: the end of the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::mpsc;

use super::EDGE_SOURCE;
use super::notices::{Notices, OUTBOX_FILE};
use crate::api::ServerError;
use crate::auth::{Accounts, AuthError, Devices, PasswordCost};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::decode::source::Sources;
use crate::derive::Touches;
use crate::field::{Book, BookError};
use crate::follow::{Follows, StateFollower, StoreFollower};
use crate::incidents::Plan;
use crate::indices;
use crate::journal::{Follower, Journal, JournalError};
use crate::live::{Feed, feed};
use crate::model::{
    Body, Catalogue, Deaf, EscalationPlan, Mistake, Outage, Policy, Refusal, RuleFile, SourceId, Timestamp,
};
use crate::mqtt::canary::Key;
use crate::mqtt::client::ClientError;
use crate::mqtt::edge::EdgeError;
use crate::notify::Desk;
use crate::notify::outbox::{Outbox, OutboxError};
use crate::notify::people::{People, PeopleError};
use crate::notify::send::SetupError;
use crate::pipeline::{Pipeline, WantedBirth};
use crate::registry::{Declared, Registry, RegistryError, SeedError};
use crate::rulebook::{self, Together};
use crate::state::snapshot::{self, Loaded, Saved};
use crate::state::{Effects, SnapshotError, State};
use crate::store::{Store, StoreError};

/// Entries and bytes read at a time while catching up.
const BATCH: (usize, usize) = (16_384, 4 * 1024 * 1024);

/// Births that may wait to be asked for; when it is full, a node is asked when it speaks again.
const BIRTHS_MAX: usize = 256;

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder could not be made or read.
    #[error("cannot use {path}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of the configuration is wrong.
    #[error("{} mistakes in the configuration, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Mistakes(Vec<Mistake>),
    /// The registry.
    #[error("the registry")]
    Registry(#[from] RegistryError),
    /// The accounts.
    #[error("the accounts")]
    Accounts(#[from] AuthError),
    /// The journal.
    #[error("the journal")]
    Journal(#[from] JournalError),
    /// The journal's reading of its own files.
    #[error("the snapshot of derived state")]
    Snapshot(#[from] SnapshotError),
    /// The store.
    #[error("the store")]
    Store(#[from] StoreError),
    /// The outbox of notifications.
    #[error("the outbox of notifications")]
    Outbox(#[from] OutboxError),
    /// The people who are told of alerts.
    #[error("the people who are told of alerts")]
    People(#[from] PeopleError),
    /// What people in the field reported.
    #[error("the reports from the field")]
    Field(#[from] BookError),
    /// The ways in which they are told.
    #[error("the ways to tell of alerts")]
    Notify(#[from] SetupError),
    /// The embedded edge.
    #[error("the MQTT edge")]
    Edge(#[from] EdgeError),
    /// A client of an outside broker.
    #[error("the MQTT client")]
    Client(#[from] ClientError),
    /// Pages and API.
    #[error("the HTTP server")]
    Http(#[from] ServerError),
    /// The journal stopped while starting.
    #[error("the journal stopped while the catalogue was written")]
    Stopped,
    /// No thread could be had.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

impl From<SeedError> for StartError {
    fn from(error: SeedError) -> Self {
        match error {
            SeedError::Mistakes(mistakes) => StartError::Mistakes(mistakes),
            SeedError::Registry(error) => StartError::Registry(error),
        }
    }
}

/// Everything that is on disk, caught up.
pub(super) struct Opened {
    pub(super) registry: Arc<Registry>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) devices: Arc<Devices>,
    pub(super) journal: Arc<Journal>,
    pub(super) store: Arc<Store>,
    pub(super) state: Arc<RwLock<State>>,
    pub(super) feed: Arc<Feed>,
    pub(super) snapshots: PathBuf,
    pub(super) saved: Saved,
    pub(super) pipeline: Arc<Pipeline>,
    /// The province's alert rules.
    pub(super) rule_files: Vec<RuleFile>,
    pub(super) edge_source: SourceId,
    pub(super) client_sources: Vec<SourceId>,
    /// Of values that are computed here; `None` where none are.
    pub(super) derived_source: Option<SourceId>,
    /// Which inputs of indices changed in the store.
    pub(super) touches: Arc<Touches>,
    /// In the order of the names that were asked for.
    pub(super) other_sources: Vec<SourceId>,
    /// Devices whose birth certificates are wanted.
    pub(super) births: mpsc::Receiver<WantedBirth>,
    /// Where what happens to alerts is queued for those who want to hear of it.
    pub(super) notices: Notices,
    /// What people in the field reported.
    pub(super) field: Arc<Book>,
}

/// Where the journal's two readers stand. Taken before the first append, so that numbers they have seen are never
/// given out again, even when the journal's files were lost.
pub(super) struct Bookmarks {
    pub(super) state: Follower,
    pub(super) store: Follower,
    pub(super) outbox: Follower,
}

/// The registry as its files have it, and those.
fn seeded(config: &Config, clock: &Clock) -> Result<(Arc<Registry>, Declared), StartError> {
    let registry = Arc::new(Registry::open(&config.data_dir.join(super::REGISTRY_FILE))?);
    let declared = Declared::read(&config.province_dir).map_err(StartError::Mistakes)?;
    let seeded = registry.seed(&declared, clock.now())?;
    tracing::info!(report = %seeded, "the registry follows its files");
    Ok((registry, declared))
}

/// `others` are ways in besides those of the configuration.
pub(super) fn open(
    config: &Config,
    others: &[&str],
    canary: Option<Key>,
    clock: &Clock,
) -> Result<(Opened, Bookmarks), StartError> {
    let data = &config.data_dir;
    let (journal_dir, store_dir, snapshots) = (data.join("journal"), data.join("store"), data.join("state"));
    for folder in [data, &journal_dir, &store_dir, &snapshots] {
        make_folder(folder)?;
    }
    let (journal, recovery) = Journal::open(&journal_dir, &config.journal)?;
    tracing::info!(?recovery, "the journal is open");

    let (registry, declared) = seeded(config, clock)?;
    let edge_source = registry.source(EDGE_SOURCE)?;
    let client_sources =
        config.mqtt.clients.iter().map(|client| registry.source(&client.name)).collect::<Result<Vec<_>, _>>()?;
    let sources = sources(config, &registry)?;
    let other_sources = others.iter().map(|name| registry.source(name)).collect::<Result<Vec<_>, _>>()?;
    let is_derived = *registry.indices() != indices::config::Config::default();
    let derived_source = is_derived.then(|| registry.source(super::derive::SOURCE)).transpose()?;
    let catalogue = Arc::new(registry.catalogue()?);
    let (rule_files, rules) = rules(config, &registry, &catalogue)?;
    let plan = config::escalation_plan(&config.province_dir, &catalogue).map_err(StartError::Mistakes)?;
    let grouping = grouping(config)?;
    let accounts = Arc::new(Accounts::over(registry.database().clone(), PasswordCost::default())?);

    let loaded = snapshot::load(&snapshots, config.alerts.retention())?;
    tell_broken(&loaded);
    let mut state = loaded.state.unwrap_or_else(|| State::new(config.alerts.retention()));
    let saved = Saved { through: state.applied, needs_after: loaded.needs_after };
    let store = Arc::new(Store::open(&store_dir, &config.store)?);
    let notices = notices(config, &journal, (&registry, &accounts), clock)?;
    catch_up(&journal, &mut state, &store, &catalogue, &notices)?;
    let bookmarks = bookmarks(&journal, &saved, &store, &notices)?;
    let now = clock.now();
    let (ask, births) = mpsc::channel(BIRTHS_MAX);
    let pipeline = pipeline(config, (&journal, &store), &state, sources, ask).with_canary(canary);
    if *state.declared() != *catalogue {
        pipeline.install(now, catalogue).map_err(|_| StartError::Stopped)?;
    }
    note_grouping(&pipeline, &state, grouping, now).map_err(|_| StartError::Stopped)?;
    pipeline.install_rules(now, rules).map_err(|_| StartError::Stopped)?;
    note_at_start(&pipeline, &state, (declared.policy(), &plan), now).map_err(|_| StartError::Stopped)?;

    let opened = Opened {
        devices: Arc::new(Devices::over(registry.database().clone())),
        registry,
        accounts,
        journal,
        store,
        feed: Arc::new(Feed::new(feed::DEFAULT_CAPACITY, state.applied)),
        state: Arc::new(RwLock::new(state)),
        snapshots,
        saved,
        pipeline: Arc::new(pipeline),
        rule_files,
        edge_source,
        client_sources,
        derived_source,
        touches: Arc::default(),
        other_sources,
        births,
        notices,
        field: Arc::new(Book::open(&config.data_dir.join(super::FIELD_FILE))?),
    };
    Ok((opened, bookmarks))
}

/// A pipeline that goes on where the state is.
fn pipeline(
    config: &Config,
    (journal, store): (&Arc<Journal>, &Arc<Store>),
    state: &State,
    sources: Sources,
    ask: mpsc::Sender<WantedBirth>,
) -> Pipeline {
    let newest = |channel| state.newest(channel);
    Pipeline::new(journal.clone(), store.clone(), config.validate.clone(), state.declared(), newest)
        .with_sources(sources)
        .with_judge(state.judge.clone())
        .with_births(ask)
}

fn bookmarks(journal: &Arc<Journal>, saved: &Saved, store: &Store, notices: &Notices) -> Result<Bookmarks, StartError> {
    Ok(Bookmarks {
        state: journal.follower(StateFollower::NAME, saved.needs_after)?,
        store: journal.follower(StoreFollower::NAME, store.checkpoint())?,
        outbox: journal.follower("outbox", notices.desk.outbox().checkpoint()?)?,
    })
}

/// The outbox, caught up with nothing yet.
fn notices(
    config: &Config,
    journal: &Journal,
    (registry, accounts): (&Arc<Registry>, &Arc<Accounts>),
    clock: &Clock,
) -> Result<Notices, StartError> {
    let people = Arc::new(People::over(registry.database().clone())?);
    let ended_at = journal.durable().borrow().through;
    let outbox = Arc::new(Outbox::open(&config.data_dir.join(OUTBOX_FILE), ended_at)?);
    let desk = Arc::new(Desk::new(&config.notify, outbox, people));
    Ok(Notices { desk, registry: registry.clone(), accounts: accounts.clone(), clock: clock.clone() })
}

fn tell_broken(loaded: &Loaded) {
    for (path, error) in &loaded.broken {
        let path = path.display();
        tracing::error!(%path, %error, "a snapshot is broken and was moved aside; the journal makes up for it");
    }
}

/// Journals the quality checks and the plan of escalation when they are others than before, and since when nobody was heard. No tick came while
/// the process was down.
fn note_at_start(
    pipeline: &Pipeline,
    state: &State,
    (policy, plan): (&Policy, &EscalationPlan),
    now: Timestamp,
) -> Result<(), Refusal> {
    if state.judge.policy() != policy {
        pipeline.note_at_start(now, &Body::Policy(Box::new(policy.clone())))?;
    }
    if state.workflow.plan() != plan {
        pipeline.note_at_start(now, &Body::Escalation(Box::new(plan.clone())))?;
    }
    if state.ticked_at != Timestamp::EPOCH && state.ticked_at < now {
        let outage = Outage { of: Deaf::Everything, from: state.ticked_at, to: Some(now) };
        pipeline.note_at_start(now, &Body::Outage(outage))?;
    }
    Ok(())
}

/// Journals what says which alerts belong together, when it says something else than before.
fn note_grouping(
    pipeline: &Pipeline,
    state: &State,
    (files, plan): (Vec<RuleFile>, Plan),
    now: Timestamp,
) -> Result<(), Refusal> {
    if *state.incidents.plan() != plan {
        pipeline.note_at_start(now, &Body::Grouping(files))?;
    }
    Ok(())
}

/// The province's rules, and all that can be in force: those made by hand too. They are checked against every registered
/// station, those made over HTTP too.
fn rules(
    config: &Config,
    registry: &Registry,
    catalogue: &Catalogue,
) -> Result<(Vec<RuleFile>, Vec<RuleFile>), StartError> {
    let mut mistakes = Vec::new();
    let files = config::rule_files(&config.province_dir.join("rules"), &mut mistakes);
    let together = rulebook::together(&files, &registry.rules_made()?, None, catalogue).unwrap_or_else(|wrong| {
        mistakes.extend(wrong);
        Together::default()
    });
    if !mistakes.is_empty() {
        return Err(StartError::Mistakes(mistakes));
    }
    together.tell();
    Ok((files, together.files))
}

/// What says which alerts belong together, and what it says.
fn grouping(config: &Config) -> Result<(Vec<RuleFile>, Plan), StartError> {
    let mut mistakes = Vec::new();
    let files = config::grouping_files(&config.province_dir, &mut mistakes);
    let plan = Plan::read(&files).map_err(|wrong| mistakes.extend(wrong));
    plan.ok().filter(|_| mistakes.is_empty()).map(|plan| (files, plan)).ok_or(StartError::Mistakes(mistakes))
}

/// The declared sources, each with its number.
fn sources(config: &Config, registry: &Registry) -> Result<Sources, StartError> {
    let ways_in = config.mqtt.clients.iter().map(|client| client.name.as_str()).chain([EDGE_SOURCE]);
    let names = ways_in.chain(config.sources.iter().map(|source| source.name.as_str()));
    let numbers = names.map(|name| Ok((name, registry.source(name)?))).collect::<Result<Vec<_>, StartError>>()?;
    let number = |name: &str| numbers.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
    Sources::prepare(&config.sources, number).map_err(|mistakes| {
        let mistake = |(key, message)| Mistake { file: "configuration".to_owned(), line: 0, key, message };
        StartError::Mistakes(mistakes.into_iter().map(mistake).collect())
    })
}

/// Applies what the journal holds past the snapshot and past the store's checkpoint: the same calls as when it came.
/// What the outbox has not looked through yet is queued there.
fn catch_up(
    journal: &Journal,
    state: &mut State,
    store: &Store,
    catalogue: &Catalogue,
    notices: &Notices,
) -> Result<(), StartError> {
    store.install(catalogue);
    let mut effects = Effects::default();
    let mut reader = journal.reader(state.applied);
    loop {
        let entries = reader.next_batch(BATCH.0, BATCH.1)?;
        if entries.is_empty() {
            break;
        }
        for entry in &entries {
            state.apply(entry, &mut effects);
        }
        notices.take(state, &effects).map_err(|error| match error {
            super::notices::NoticeError::Outbox(error) => StartError::from(error),
            super::notices::NoticeError::Audit(error) => StartError::from(error),
        })?;
        effects.clear();
    }
    if !store.is_caught_up_at_start() {
        // Its server may be down, and the spool long: the follower catches up while everything else runs.
        return Ok(());
    }
    let mut reader = journal.reader(store.applied());
    loop {
        let entries = reader.next_batch(BATCH.0, BATCH.1)?;
        if entries.is_empty() {
            return Ok(());
        }
        store.apply(&entries)?;
    }
}

fn make_folder(path: &Path) -> Result<(), StartError> {
    std::fs::create_dir_all(path).map_err(|source| StartError::Folder { path: path.to_owned(), source })
}
