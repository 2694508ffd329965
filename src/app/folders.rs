//! Watched folders at work: a thread each, so that a file share that hangs holds up nothing but itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::open::{Opened, StartError};
use crate::clock::Clock;
use crate::config::Config;
use crate::intake::Stopped;
use crate::intake::files::{Desk, Folder, Status};
use crate::model::{Intake as _, Message, RawMessage, Refusal, Seq, Timestamp};
use crate::pipeline::Pipeline;

/// How long a stop waits for all looks that are under way: a file share may never answer.
const STOP_MAX: Duration = Duration::from_secs(5);

/// The folders of all sources.
pub(super) struct Folders {
    /// By the source's name.
    pub(super) statuses: Vec<(String, Arc<Mutex<Status>>)>,
    ended: Vec<watch::Receiver<bool>>,
    stop: CancellationToken,
}

impl Folders {
    /// Begins to look.
    ///
    /// # Errors
    /// When there can be no notes or no thread.
    pub(super) fn start(config: &Config, opened: &Opened, clock: &Clock) -> Result<Folders, StartError> {
        let (mut folders, notes) = (Vec::new(), config.data_dir.join("files"));
        for source in &config.sources {
            let number = opened.registry.source(&source.name)?;
            let folder = Folder::of(source, &config.intake, number, &notes)
                .map_err(|error| StartError::Folder { path: notes.clone(), source: error })?;
            folders.extend(folder.map(|folder| (source.name.clone(), folder)));
        }
        let (stop, mut ended, mut statuses) = (CancellationToken::new(), Vec::new(), Vec::new());
        for (name, folder) in folders {
            statuses.push((name.clone(), folder.status()));
            let (end, ends) = watch::channel(false);
            ended.push(ends);
            let (pipeline, clock, stop) = (opened.pipeline.clone(), clock.clone(), stop.clone());
            let desk = PipelineDesk { pipeline, clock, stop, runtime: Handle::current() };
            let every = config.intake.poll.into();
            std::thread::Builder::new()
                .name(format!("folder-{name}"))
                .spawn(move || {
                    let _ended = Ended { end, stop: desk.stop.clone(), status: folder.status() };
                    watch_folder(&name, folder, desk, every);
                })
                .map_err(StartError::Thread)?;
        }
        Ok(Folders { statuses, ended, stop })
    }

    /// Ends the looks. What was read and is not durable yet is read again after the next start.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let deadline = tokio::time::Instant::now() + STOP_MAX;
        for ended in &self.ended {
            let mut ended = ended.clone();
            let waited = tokio::time::timeout_at(deadline, ended.wait_for(|ended| *ended)).await;
            if waited.is_err() {
                tracing::warn!("a watched folder does not answer: its last look is left to itself");
            }
        }
    }
}

/// Tells at the end of a thread, however it comes, that it has come.
struct Ended {
    end: watch::Sender<bool>,
    stop: CancellationToken,
    status: Arc<Mutex<Status>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            self.status.lock().blind = Some("it is not looked at any more: see the log, and restart".to_owned());
        }
        self.end.send_replace(true);
    }
}

fn watch_folder(name: &str, mut folder: Folder, mut desk: PipelineDesk, every: Duration) {
    let status = folder.status();
    let mut told = None;
    loop {
        if folder.look(Instant::now(), &mut desk).is_err() {
            return;
        }
        let trouble = {
            let status = status.lock();
            status.blind.clone().or_else(|| status.trouble.clone())
        };
        if trouble != told {
            match &trouble {
                Some(trouble) => tracing::warn!(source = name, trouble, "a watched folder is in trouble"),
                None => tracing::info!(source = name, "a watched folder is well again"),
            }
            told = trouble;
        }
        let stop = &desk.stop;
        let is_stopping = desk.runtime.block_on(async { tokio::time::timeout(every, stop.cancelled()).await.is_ok() });
        if is_stopping {
            return;
        }
    }
}

struct PipelineDesk {
    pipeline: Arc<Pipeline>,
    clock: Clock,
    runtime: Handle,
    stop: CancellationToken,
}

impl PipelineDesk {
    fn stopped(&self) -> Stopped {
        let why = if self.stop.is_cancelled() { "the service stops" } else { "the journal does not write any more" };
        Stopped(why.to_owned())
    }
}

impl Desk for PipelineDesk {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn take(&mut self, batch: &[RawMessage<'_>], tell: &mut dyn FnMut(&Message)) -> Result<Seq, Stopped> {
        loop {
            if self.stop.is_cancelled() {
                return Err(self.stopped());
            }
            match self.pipeline.accept_telling(batch, |message| tell(message)) {
                Ok(seq) => return Ok(seq),
                Err(Refusal::Stopped) => return Err(self.stopped()),
                Err(Refusal::Full) => {
                    let (pipeline, stop) = (self.pipeline.clone(), self.stop.clone());
                    self.runtime.block_on(async move {
                        tokio::select! {
                            () = pipeline.room() => {}
                            () = stop.cancelled() => {}
                        }
                    });
                }
            }
        }
    }

    fn wait_durable(&mut self, seq: Seq) -> Result<(), Stopped> {
        let mut durable = self.pipeline.durable();
        let reached = self.runtime.block_on(async move {
            let reached = durable.wait_for(|durable| durable.through >= seq || durable.failed).await;
            reached.map(|durable| durable.through >= seq)
        });
        if matches!(reached, Ok(true)) { Ok(()) } else { Err(self.stopped()) }
    }
}
