//! The hot path: one message from its bytes to its place in the journal, in one function read top to bottom.
//!
//! Every way in calls [`Intake::accept`] on its own task; decoding runs there, in parallel. Validation, the memory of
//! duplicates and the append share one short lock, so the journal's order is the order of judgement and replay sees
//! what was decided. Nothing here waits: when the journal's buffer is full the caller is told [`Refusal::Full`] and
//! stops reading its socket.
//!
//! Beside a message's entry go, when there is anything to say, what its devices said of themselves, and samples that
//! turned out to be spikes. Quality flags come from a [`Judge`] behind the same lock, changed only by what is appended.
//!
//! Deliberately absent: live state, alerts and history. They follow the journal.

mod counters;
mod derived;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{mpsc, watch};

use crate::decode::source::Sources;
use crate::decode::{self, Decoded, Event, Heard, Told};
use crate::journal::Journal;
use crate::model::{
    Again, Arrival, Body, Catalogue, ChannelId, Corrections, DeviceReport, Durable, Intake, Judged, Message, Quality,
    RawCopy, RawMessage, Reason, Refusal, Rejection, Rows, RuleFile, Sample, Seq, SourceId, StationCommand, TimeClass,
    Timestamp, UnknownName,
};
use crate::mqtt::canary::{self, Key, Sender};
use crate::quality::Judge;
use crate::store::Store;
use crate::validate::{self, Judgement, Seen};
use counters::Counters;
use told::{facts, flag, refused_row};

/// Most samples that may wait for the store in memory (about 20 MiB); above it the intake waits for the store to catch up.
const UNSTORED_MAX: usize = 400_000;
/// How often the intake looks whether the store has caught up. Rare: only a flush under the heaviest load gets there.
const STORE_POLL: Duration = Duration::from_millis(5);

/// How much of a refused message is kept. Ways in may be told to take packets of up to 256 MiB, and a message that
/// the journal cannot hold would look like a stopped journal: its sender would offer it again for ever.
const RAW_BYTES_MAX: usize = 32 << 20;

/// How the name of a row that was not taken begins; the file and the line follow.
pub const IMPORT_TOPIC: &str = "import/";

/// Messages in, entries out.
pub struct Pipeline {
    journal: Arc<Journal>,
    store: Arc<Store>,
    limits: decode::Limits,
    sources: Sources,
    validate: validate::Config,
    /// What Saola's own message is known by.
    canary: Option<Key>,
    gate: Mutex<Gate>,
    /// When the newest message arrived, microseconds since 1970; zero before the first.
    received_at: AtomicI64,
    /// Where births that are wanted are asked for.
    births: Option<mpsc::Sender<WantedBirth>>,
    counters: Counters,
}

/// A device whose birth certificate is to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedBirth {
    /// The way in that it speaks by.
    pub way: SourceId,
    /// The sender's name of it.
    pub node: String,
}

/// What one judgement needs to itself. Whoever holds it is the only one that appends to the journal.
struct Gate {
    catalogue: Arc<Catalogue>,
    seen: Seen,
    judge: Judge,
    /// The newest entry appended, so that the number of the next is known before it is written.
    last: Seq,
}

impl Pipeline {
    /// A pipeline whose catalogue is already in the journal. `newest(channel)` is the newest time ever taken of a
    /// channel: at start-up the live state knows it.
    pub fn new(
        journal: Arc<Journal>,
        store: Arc<Store>,
        validate: validate::Config,
        catalogue: Arc<Catalogue>,
        newest: impl Fn(ChannelId) -> Option<Timestamp>,
    ) -> Self {
        let mut seen = Seen::default();
        seen.grow(catalogue.channels().len(), newest);
        let limits = decode::Limits::default();
        let last = journal.durable().borrow().through;
        let mut judge = Judge::default();
        judge.link(&catalogue);
        let gate = Mutex::new(Gate { catalogue, seen, judge, last });
        let (sources, received_at, counters) = (Sources::default(), AtomicI64::new(0), Counters::new());
        Self { journal, store, limits, sources, validate, canary: None, gate, received_at, births: None, counters }
    }

    /// The same, with what derived state remembers for the quality checks.
    #[must_use]
    pub fn with_judge(mut self, judge: Judge) -> Self {
        self.gate.get_mut().judge = judge;
        self
    }

    /// The same, with somebody who asks devices for their birth certificates.
    #[must_use]
    pub fn with_births(self, births: mpsc::Sender<WantedBirth>) -> Self {
        Self { births: Some(births), ..self }
    }

    /// The same, with sources that speak other forms than the native one.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// The same, knowing Saola's own message by its key, if one is sent.
    #[must_use]
    pub fn with_canary(self, canary: Option<Key>) -> Self {
        Self { canary, ..self }
    }

    /// When the newest message arrived; `None` before the first.
    pub fn received_at(&self) -> Option<Timestamp> {
        Some(self.received_at.load(Ordering::Relaxed)).filter(|micros| *micros != 0).map(Timestamp::from_micros)
    }

    /// Journals a new catalogue and judges by it from here on.
    pub fn install(&self, now: Timestamp, catalogue: Arc<Catalogue>) -> Result<Seq, Refusal> {
        let mut gate = self.gate.lock();
        let body = Body::Catalogue(Box::new(Catalogue::clone(&catalogue)));
        let seq = self.append(&mut gate, now, &body)?;
        let Gate { seen, judge, catalogue: before, .. } = &mut *gate;
        seen.grow(catalogue.channels().len(), |_| None);
        judge.apply(seq, now, &body, (before, &catalogue));
        *before = catalogue;
        Ok(seq)
    }

    /// Journals a fact or a command that is neither a message nor a catalogue.
    pub fn note(&self, now: Timestamp, body: &Body) -> Result<Seq, Refusal> {
        if !self.journal.has_room() {
            return Err(Refusal::Full);
        }
        self.append(&mut self.gate.lock(), now, body)
    }

    /// The same as the service starts, when nobody offers anything yet: a journal whose buffer is full for the moment
    /// does not refuse it.
    pub fn note_at_start(&self, now: Timestamp, body: &Body) -> Result<Seq, Refusal> {
        self.append(&mut self.gate.lock(), now, body)
    }

    /// Journals a set of alert rules; the alert engine takes them up when it comes to the entry.
    pub fn install_rules(&self, now: Timestamp, files: Vec<RuleFile>) -> Result<Seq, Refusal> {
        self.append(&mut self.gate.lock(), now, &Body::Rules(files))
    }

    /// Journals a command before it goes out.
    pub fn note_command(&self, now: Timestamp, command: StationCommand) -> Result<Seq, Refusal> {
        if !self.journal.has_room() {
            return Err(Refusal::Full);
        }
        self.append(&mut self.gate.lock(), now, &Body::Command(Box::new(command)))
    }

    /// Journals that time has passed. `Full` is no harm: the next tick says the same.
    pub fn tick(&self, now: Timestamp) -> Result<Seq, Refusal> {
        self.note(now, &Body::Tick)
    }

    fn append(&self, gate: &mut Gate, now: Timestamp, body: &Body) -> Result<Seq, Refusal> {
        let seq = self.journal.append(now, body).map_err(|_| Refusal::Stopped)?;
        assert_eq!(seq, gate.last.next(), "the gate's holder is the only one that appends");
        gate.last = seq;
        let Gate { judge, catalogue, .. } = gate;
        // Samples were remembered one by one while they were judged, and a catalogue comes with the one before it.
        if !matches!(body, Body::Message(_) | Body::Catalogue(_)) {
            judge.apply(seq, now, body, (catalogue, catalogue));
        }
        Ok(seq)
    }

    /// Whether so much waits for the store that duplicates could no longer be told within bounds.
    pub fn store_lags(&self) -> bool {
        let mut gate = self.gate.lock();
        if gate.seen.unstored() > UNSTORED_MAX {
            gate.seen.forget_stored(self.store.remembers_through());
        }
        gate.seen.unstored() > UNSTORED_MAX
    }

    /// Takes the whole batch, in order, or nothing, as [`Intake::accept`] does; `tell` hears what became of each.
    pub fn accept_telling(&self, batch: &[RawMessage<'_>], mut tell: impl FnMut(&Message)) -> Result<Seq, Refusal> {
        if !self.journal.has_room() || self.store_lags() {
            return Err(Refusal::Full);
        }
        let (mut heard, mut decoded) = (Heard::default(), Decoded::default());
        let (mut last, mut newest) = (Seq::default(), None);
        for raw in batch {
            if let Some(taken) = self.take_canary(raw) {
                // What is dropped needs no entry: it is acknowledged with what came before it.
                last = taken?.unwrap_or(last);
                continue;
            }
            newest = Some(raw.received_at);
            heard.clear();
            decoded.clear();
            let (seq, message) = self.decode_and_take(raw, &mut heard, &mut decoded)?;
            last = seq;
            tell(&message);
        }
        if let Some(newest) = newest {
            self.received_at.store(newest.micros(), Ordering::Relaxed);
        }
        Ok(last)
    }

    /// One decoded message, judged and appended: its number, and what became of it.
    fn take(
        &self,
        raw: &RawMessage<'_>,
        mut message: Message,
        decoded: &Decoded<'_>,
    ) -> Result<(Seq, Message), Refusal> {
        let mut gate = self.gate.lock();
        let Gate { catalogue, seen, judge, last } = &mut *gate;
        let (seq, stored_through) = (last.next(), self.store.remembers_through());
        // Most messages are of one station: it is looked up when the name changes.
        let (mut name, mut station) = ("", None);
        let mut spikes = Vec::new();
        for reading in &decoded.readings {
            if reading.station != name {
                name = &reading.station;
                station = catalogue.station_named(name);
            }
            let checked = validate::check(&self.validate, catalogue, station, reading, raw.received_at, raw.arrival);
            match checked.and_then(|sample| self.kept(sample)) {
                Err(rejection) => {
                    if matches!(rejection.reason, Reason::UnknownStation | Reason::UnknownProperty) {
                        message.unknown.push(UnknownName::new(&reading.station, &reading.property, reading.unit));
                    }
                    message.rejections.push(rejection);
                }
                Ok(mut sample) => {
                    let mut judgement = seen.judge(&sample, |channel, at| self.stored(channel, at));
                    if sample.quality.has(Quality::RECEIVED_TIME) {
                        // Two readings without a time, received in one microsecond, are two observations; but one
                        // that is handed in again with its value at its own instant is the one taken then.
                        let is_new = |judgement| {
                            judgement == Judgement::New
                                || (judgement == Judgement::Duplicate && raw.arrival != Arrival::Fresh)
                        };
                        if !is_new(judgement) {
                            sample.observed_at = seen.free_after(sample.channel, sample.observed_at);
                        }
                        while !is_new(judgement) {
                            judgement = seen.judge(&sample, |channel, at| self.stored(channel, at));
                            if !is_new(judgement) {
                                sample.observed_at = sample.observed_at + Duration::from_micros(1);
                            }
                        }
                    }
                    // What is handed in again is older than any correction that came since: the stored value stays.
                    let is_again = matches!(raw.arrival, Arrival::Again { .. });
                    let is_known = is_again && judgement == Judgement::Correction || self.is_known(judgement, &sample);
                    if is_known {
                        message.duplicates += 1;
                    } else {
                        spikes.extend(flag(judge, station, &mut sample, raw.received_at));
                        judge.remember(&sample, raw.received_at);
                        seen.remember(&sample, seq, stored_through);
                        message.samples.push(sample);
                    }
                }
            }
        }
        if !message.rejections.is_empty() {
            let kept = raw.payload.get(..RAW_BYTES_MAX).unwrap_or(raw.payload);
            message.raw = Some(RawCopy { topic: raw.topic.to_owned(), payload: kept.to_vec() });
        }
        let report = DeviceReport { source: message.source, facts: facts(catalogue, &decoded.told) };
        self.enter(gate, raw.received_at, message, report, spikes)
    }

    /// Journals a judged message, and beside it what its devices said and what it showed to be spikes.
    fn enter(
        &self,
        mut gate: MutexGuard<'_, Gate>,
        at: Timestamp,
        message: Message,
        report: DeviceReport,
        spikes: Vec<Sample>,
    ) -> Result<(Seq, Message), Refusal> {
        let body = Body::Message(message);
        let mut seq = self.append(&mut gate, at, &body)?;
        if !report.facts.is_empty() {
            seq = self.append(&mut gate, at, &Body::Devices(report))?;
        }
        if !spikes.is_empty() {
            let (author, reason) = (Corrections::CHECKS.to_owned(), "a single point up or down and back".to_owned());
            let corrections = Corrections { author, reason, samples: spikes };
            seq = self.append(&mut gate, at, &Body::Corrections(corrections))?;
        }
        drop(gate);

        let Body::Message(message) = body else { unreachable!("it was made just here") };
        self.counters.message(&message);
        Ok((seq, message))
    }

    /// Takes one message and says what became of it: for messages that are handed in again.
    pub fn accept_one(&self, raw: &RawMessage<'_>) -> Result<(Seq, Message), Refusal> {
        if !self.journal.has_room() || self.store_lags() {
            return Err(Refusal::Full);
        }
        self.decode_and_take(raw, &mut Heard::default(), &mut Decoded::default())
    }

    /// Saola's own message, journaled as what it is; one of a former process or of another Saola is dropped, and
    /// `Some(Ok(None))`. `None` for anything else.
    fn take_canary(&self, raw: &RawMessage<'_>) -> Option<Result<Option<Seq>, Refusal>> {
        let key = self.canary.filter(|_| raw.topic == canary::TOPIC)?;
        let mut decoded = Decoded::default();
        decode::native::decode(raw.topic, raw.payload, &self.limits, &mut decoded).ok()?;
        let Sender::Ours { sent_at } = key.read(&decoded.readings)? else {
            self.counters.foreign_canary();
            return Some(Ok(None));
        };
        let body = Body::Canary { sent_at };
        Some(self.append(&mut self.gate.lock(), raw.received_at, &body).map(Some))
    }

    fn decode_and_take<'r>(
        &'r self,
        raw: &'r RawMessage<'r>,
        heard: &mut Heard<'r>,
        decoded: &mut Decoded<'r>,
    ) -> Result<(Seq, Message), Refusal> {
        let (source, refused) = self.sources.decode(raw, &self.limits, heard, decoded);
        let duplicates = self.hear(raw, &decoded.told);
        let rejections: Vec<Rejection> = decoded.rejections.drain(..).chain(refused).collect();
        let received = decoded.readings.len() as u32 + rejections.len() as u32 + duplicates;
        let samples = Vec::with_capacity(decoded.readings.len());
        let again = match raw.arrival {
            Arrival::Again { of, first_at, .. } => Some(Again { of, first_at }),
            Arrival::Fresh | Arrival::Retained | Arrival::Repeated { .. } | Arrival::Imported => None,
        };
        let unknown = Vec::new();
        let message = Message { source, received, duplicates, samples, rejections, raw: None, unknown, again };
        self.take(raw, message, decoded)
    }

    /// Counts what devices said of themselves and asks for births; gives how many of the messages were there by another
    /// path already.
    fn hear(&self, raw: &RawMessage<'_>, told: &[Told<'_>]) -> u32 {
        let mut repeated = 0;
        for Told { event, .. } in told {
            self.counters.event(event);
            repeated += u32::from(matches!(event, Event::Repeated { .. }));
            if let Event::Rebirth { node } = event {
                let wanted = WantedBirth { way: raw.source, node: node.to_string() };
                // Full: the node is asked again when it speaks again.
                if self.births.as_ref().is_none_or(|births| births.try_send(wanted).is_err()) {
                    self.counters.unasked();
                }
            }
            tracing::debug!(topic = raw.topic, ?event, "a device says something of itself");
        }
        repeated
    }

    /// Whether a person gave the stored value of that time, and the device said this one before: it is no news. What
    /// cannot be read counts as a person's. A store that keeps no earlier values takes no corrections and is not asked.
    fn was_edited(&self, sample: &Sample) -> bool {
        if !self.store.keeps_earlier() {
            return false;
        }
        let (at, after) = (sample.observed_at, sample.observed_at + Duration::from_micros(1));
        // The one sample first: hardly any is a person's, and what it replaced costs more to look up.
        match self.store.range(sample.channel, at, after).next() {
            None => return false,
            Some(Ok(stored)) if !stored.quality.has(Quality::EDITED) => return false,
            Some(_) => {}
        }
        self.store.earlier(sample.channel, at, after).map_or_else(
            |error| {
                tracing::error!(channel = sample.channel.0, %error, "cannot read what a correction replaced; it stands");
                true
            },
            |earlier| earlier.iter().any(|earlier| earlier.value.to_bits() == sample.value.to_bits()),
        )
    }

    /// Whether a judged sample says nothing new.
    fn is_known(&self, judgement: Judgement, sample: &Sample) -> bool {
        match judgement {
            Judgement::New => false,
            Judgement::Duplicate => true,
            Judgement::Correction => self.was_edited(sample),
        }
    }

    /// Takes rows of a file with history, or none of them when there is no room. What is taken goes into one entry; a
    /// row with refusals goes, whole, into one of its own that is named `import/FILE:LINE`.
    pub fn import(
        &self,
        source: SourceId,
        file: &str,
        received_at: Timestamp,
        rows: &Rows<'_>,
    ) -> Result<Judged, Refusal> {
        if !self.journal.has_room() || self.store_lags() {
            return Err(Refusal::Full);
        }
        let catalogue = self.gate.lock().catalogue.clone();
        let checked = validate::check_rows(&self.validate, &catalogue, rows, received_at, |sample| self.kept(sample));
        let mut gate = self.gate.lock();
        let Gate { seen, judge, last, .. } = &mut *gate;
        let (seq, stored_through) = (last.next(), self.store.applied());
        let mut judged = Judged { duplicates: checked.replaced, ..Judged::default() };
        for mut sample in checked.samples {
            let judgement = seen.judge(&sample, |channel, at| self.stored(channel, at));
            if self.is_known(judgement, &sample) {
                judged.duplicates += 1;
            } else {
                let station = catalogue.channel(sample.channel).and_then(|channel| catalogue.station(channel.station));
                flag(judge, station, &mut sample, received_at);
                seen.remember(&sample, seq, stored_through);
                judged.samples.push(sample);
            }
        }
        // The samples' entry is the first: its number is the one that they were remembered with.
        let taken = (!judged.samples.is_empty() || judged.duplicates > 0).then(|| Message {
            source,
            received: judged.samples.len() as u32 + judged.duplicates as u32,
            duplicates: judged.duplicates as u32,
            samples: judged.samples.clone(),
            rejections: Vec::new(),
            raw: None,
            unknown: Vec::new(),
            again: None,
        });
        for (row, rejections) in &checked.refused {
            judged.refused.extend(rejections.iter().map(|rejection| (row.line, rejection.clone())));
        }
        let refused = checked.refused.into_iter().map(|(row, rejections)| refused_row(source, file, &row, rejections));
        for message in taken.into_iter().chain(refused) {
            self.counters.message(&message);
            judged.seq = self.append(&mut gate, received_at, &Body::Message(message))?;
        }
        Ok(judged)
    }

    fn stored(&self, channel: ChannelId, at: Timestamp) -> Option<f64> {
        self.store.contains(channel, at).unwrap_or_else(|error| {
            // Taking a duplicate again is harmless (the store keeps one value a time); refusing a new value is not.
            tracing::error!(channel = channel.0, %error, "cannot look a time up in the store; the reading is taken");
            None
        })
    }

    /// Refuses a sample of a day whose samples were deleted for their age: it would count as stored each time it came.
    fn kept(&self, sample: Sample) -> Result<Sample, Rejection> {
        if sample.time_class == TimeClass::Live || !self.store.is_deleted(sample.channel, sample.observed_at) {
            return Ok(sample);
        }
        let detail = format!("{}: the samples of that day were deleted for their age", sample.observed_at);
        Err(Rejection { reason: Reason::TooOld, detail })
    }
}

impl Intake for Pipeline {
    fn accept(&self, batch: &[RawMessage<'_>]) -> Result<Seq, Refusal> {
        self.accept_telling(batch, |_| ())
    }

    fn durable(&self) -> watch::Receiver<Durable> {
        self.journal.durable()
    }

    async fn room(&self) {
        self.journal.room().await;
        while self.store_lags() && !self.journal.durable().borrow().failed {
            tokio::time::sleep(STORE_POLL).await;
        }
    }
}
