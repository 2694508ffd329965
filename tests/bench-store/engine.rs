//! What a store must be able to do to be compared, and the processes in which the stores run.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;

use crate::answer::{Answer, Question};
use crate::data::Extent;

/// The longest wait for a server to start, to settle or to stop.
pub const DEADLINE: Duration = Duration::from_secs(900);

/// Of the processor times that Linux tells (`USER_HZ`).
const TICK_MS: u64 = 10;

/// A store under comparison, in a process of its own that ends with it.
pub trait Engine: Sized {
    const NAME: &'static str;

    /// Opens what is in the folder, or makes it; ready to answer. The time until then.
    async fn open(folder: &Path, extent: Extent) -> anyhow::Result<(Self, Duration)>;

    /// Takes every message, in order of arrival, until all are durable. The time without the making of messages.
    async fn ingest(&mut self) -> anyhow::Result<Duration>;

    /// Lets the store do what it does later: merge, compact, compress. Returns when it has nothing left to do.
    async fn settle(&mut self) -> anyhow::Result<()>;

    /// Asks once.
    async fn ask(&mut self, question: Question) -> anyhow::Result<Asked>;

    /// Its process: memory and processor time are read there.
    fn process(&self) -> &Process;

    /// Processor time that it spent on this program's behalf, not on its own.
    fn foreign_cpu(&self) -> Duration {
        Duration::ZERO
    }

    /// Ends it as its operators would.
    async fn stop(self) -> anyhow::Result<()>;
}

/// An answer, and how long it took.
pub struct Asked {
    pub took: Duration,
    /// The same and the answer as JSON text in memory, where `took` is without.
    pub as_text: Option<Duration>,
    pub answer: Answer,
}

/// A process that ends with its owner.
pub struct Process(pub Child);

impl Process {
    pub fn spawn(command: &mut Command) -> anyhow::Result<Process> {
        let child = command.spawn().with_context(|| format!("cannot run {:?}", command.get_program()))?;
        Ok(Process(child))
    }

    /// Asks it to end and waits until it has.
    pub async fn terminate(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status()?;
        ensure!(asked.success(), "cannot stop process {}", self.0.id());
        let begun = Instant::now();
        while self.0.try_wait()?.is_none() {
            ensure!(begun.elapsed() < DEADLINE, "process {} does not end", self.0.id());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Processor time of all its threads so far.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name before the last bracket may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("no stat")?;
        let mut ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        let (user, system) = (ticks.next().context("no user time")??, ticks.next().context("no system time")??);
        Ok(Duration::from_millis((user + system) * TICK_MS))
    }

    /// The most memory it ever had.
    pub fn peak_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that is told what to do, a line of JSON at a time, and answers each with one. What it says on standard
/// error is passed on.
pub struct Worker {
    process: Process,
    told: ChildStdin,
    says: BufReader<pipe::Receiver>,
}

impl Worker {
    pub fn spawn(command: &mut Command) -> anyhow::Result<Worker> {
        let mut process = Process::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let told = process.0.stdin.take().context("no way in")?;
        let says = OwnedFd::from(process.0.stdout.take().context("no way out")?);
        let says = BufReader::with_capacity(1 << 20, pipe::Receiver::from_owned_fd(says)?);
        Ok(Worker { process, told, says })
    }

    /// Tells it one thing, with the bytes that belong to it, and waits for its answer.
    pub async fn tell(&mut self, what: &Value, bytes: &[u8]) -> anyhow::Result<Value> {
        writeln!(self.told, "{what}")?;
        self.told.write_all(bytes)?;
        self.told.flush()?;
        let mut line = String::new();
        ensure!(self.says.read_line(&mut line).await? > 0, "the process ended at {what}");
        Ok(serde_json::from_str(&line)?)
    }

    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Closes its ears, on which it ends.
    pub fn stop(mut self) -> anyhow::Result<()> {
        drop(self.told);
        let status = self.process.0.wait()?;
        ensure!(status.success(), "the process ended with {status}");
        Ok(())
    }
}

/// Seconds in an answer of a worker.
pub fn seconds(answer: &Value, key: &str) -> anyhow::Result<Duration> {
    let seconds = answer[key].as_f64().with_context(|| format!("no {key} in {answer}"))?;
    Ok(Duration::try_from_secs_f64(seconds)?)
}

/// What a folder takes on a disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// The lengths of its files.
    pub apparent: u64,
    /// The blocks given to them.
    pub allocated: u64,
}

impl Size {
    pub fn of(folder: &Path) -> std::io::Result<Size> {
        let mut size = Size::default();
        for entry in std::fs::read_dir(folder)? {
            let metadata = match entry?.path() {
                // A file may be merged away while it is looked at.
                path if path.is_dir() => {
                    let inner = Size::of(&path)?;
                    size.apparent += inner.apparent;
                    size.allocated += inner.allocated;
                    continue;
                }
                path => match std::fs::symlink_metadata(path) {
                    Ok(metadata) => metadata,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                },
            };
            size.apparent += metadata.len();
            size.allocated += metadata.blocks() * 512;
        }
        Ok(size)
    }
}

pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
