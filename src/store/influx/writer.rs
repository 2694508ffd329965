//! Entries to InfluxDB, in order, a group at a time.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::bisect::{self, Verdict};
use super::config::Config;
use super::error::InfluxError;
use super::names::Names;
use super::transport::Failure;
use super::{Influx, StoreError, line};
use crate::model::{Body, ChannelId, Entry, Quality, RawCopy, Reason, Rejection, Sample, Seq, Timestamp};

/// Letters of InfluxDB's words kept with a refused point.
const DETAIL_BYTES_MAX: usize = 200;

/// What one writer remembers between calls.
pub(super) struct Writer {
    points_max: usize,
    bytes_max: usize,
    gather: Duration,
    backoff: Backoff,
    /// What the last request failed with, until the back-off is over.
    trouble: Option<InfluxError>,
    written_at: Option<Instant>,
    /// Points of entries not yet in the books that InfluxDB refused, with its words: a search that was broken off goes
    /// on where it was.
    refused: HashMap<(Seq, usize), String>,
}

/// Some entries, and the lines of their samples.
#[derive(Default)]
struct Group {
    /// Entries from the front of what was offered.
    entries: usize,
    lines: Vec<u8>,
    points: Vec<Point>,
    /// Where each channel's time stands among the points: a later sample of the same time takes its place.
    places: HashMap<(ChannelId, Timestamp), usize>,
    /// Samples with no line, and why.
    unnamed: Vec<((Seq, usize), &'static str)>,
}

struct Point {
    /// Its entry, and its place among the entry's samples.
    id: (Seq, usize),
    line: Range<usize>,
}

impl Writer {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            points_max: config.batch_points,
            bytes_max: config.batch_bytes,
            gather: Duration::from_millis(config.batch_wait_ms),
            backoff: Backoff::new(
                Duration::from_millis(config.backoff_min_ms),
                Duration::from_millis(config.backoff_max_ms),
            ),
            trouble: None,
            written_at: None,
            refused: HashMap::new(),
        }
    }

    pub(super) fn apply(&mut self, influx: &Influx, entries: &[Entry]) -> Result<(), StoreError> {
        let applied = influx.books.applied();
        let mut rest = &entries[entries.partition_point(|entry| entry.seq <= applied)..];
        if let Some(trouble) = self.trouble.clone().filter(|_| !self.backoff.is_over(Instant::now())) {
            return Err(influx.error(trouble));
        }
        self.let_gather(rest);
        while !rest.is_empty() {
            let group = self.group(influx, rest);
            let (taken, left) = rest.split_at(group.entries);
            self.write(influx, &group)?;
            self.enter(influx, &group, taken)?;
            rest = left;
        }
        Ok(())
    }

    /// Waits a little when few points came soon after the last request, so that the next request finds more.
    fn let_gather(&self, entries: &[Entry]) {
        let points: usize = entries.iter().map(|entry| samples(entry).len()).sum();
        let since = self.written_at.map_or(Duration::MAX, |written_at| written_at.elapsed());
        if points > 0 && points < self.points_max / 2 && since < self.gather {
            std::thread::sleep(self.gather - since);
        }
    }

    /// Takes entries from the front, at least one, as far as the bounds of a request reach.
    fn group(&self, influx: &Influx, entries: &[Entry]) -> Group {
        let mut group = Group::default();
        let mut names = influx.names.read().clone();
        for entry in entries {
            let is_full =
                group.points.len() + samples(entry).len() > self.points_max || group.lines.len() >= self.bytes_max;
            if is_full && group.entries > 0 {
                break;
            }
            if let Body::Catalogue(catalogue) = &entry.body {
                influx.install(catalogue);
                names = influx.names.read().clone();
            }
            for (place, sample) in samples(entry).iter().enumerate() {
                group.put((entry.seq, place), sample, &names);
            }
            group.entries += 1;
        }
        group
    }

    /// Makes a group's points durable at InfluxDB, but for those that it refuses for good.
    fn write(&mut self, influx: &Influx, group: &Group) -> Result<(), StoreError> {
        let is_open = |point: &Point| !point.line.is_empty() && !self.refused.contains_key(&point.id);
        let open: Vec<usize> = (0..group.points.len()).filter(|place| is_open(&group.points[*place])).collect();
        for places in batches(group, &open, self.points_max, self.bytes_max) {
            let mut offer = |points: &[Range<usize>]| {
                let verdict = offer(influx, group, points);
                if matches!(verdict, Ok(Verdict::TooLarge)) {
                    // Not to be told again with each batch.
                    self.points_max = self.points_max.min(bisect::count(points).div_ceil(2));
                }
                verdict
            };
            let mut refused = |place: usize, told| {
                self.refused.insert(group.points[place].id, told);
            };
            let outcome = bisect::settle(places, &mut offer, &mut refused);
            self.written_at = Some(Instant::now());
            match outcome {
                Ok(()) => {
                    self.trouble = None;
                    self.backoff.reset();
                }
                Err(failure) => {
                    let wait = self.backoff.fail(Instant::now(), failure.retry_after, rand::random());
                    let error = failure.error(wait);
                    self.trouble = Some(error.clone());
                    return Err(influx.error(error));
                }
            }
        }
        Ok(())
    }

    /// Enters a group in the books, what was refused as dead letters.
    fn enter(&mut self, influx: &Influx, group: &Group, entries: &[Entry]) -> Result<(), StoreError> {
        let unnamed = group.unnamed.iter().map(|(id, reason)| (*id, (*reason).to_owned()));
        self.refused.extend(unnamed);
        if self.refused.is_empty() {
            return influx.books.apply(entries);
        }
        let names = influx.names.read().clone();
        let settled: Vec<Entry> = entries.iter().map(|entry| settled(entry, &self.refused, &names)).collect();
        influx.books.apply(&settled)?;
        metrics::counter!("readings_rejected_total", "reason" => Reason::RefusedByStore.word())
            .increment(self.refused.len() as u64);
        tracing::warn!(
            points.count = self.refused.len(),
            told = self.refused.values().next().map_or("", String::as_str),
            "InfluxDB refused points for good; they are dead letters"
        );
        self.refused.clear();
        Ok(())
    }
}

fn samples(entry: &Entry) -> &[Sample] {
    match &entry.body {
        Body::Message(message) => &message.samples,
        Body::Corrections(corrections) => &corrections.samples,
        _ => &[],
    }
}

impl Group {
    fn put(&mut self, id: (Seq, usize), sample: &Sample, names: &Names) {
        let start = self.lines.len();
        let put = names.series(sample.channel).and_then(|series| line::put(&mut self.lines, series, sample));
        if let Err(reason) = put {
            self.lines.truncate(start);
            self.unnamed.push((id, reason));
            return;
        }
        let point = Point { id, line: start..self.lines.len() };
        let place = self.points.len();
        if let Some(former) = self.places.insert((sample.channel, sample.observed_at), place) {
            // Which of two equal times wins within one request is InfluxDB's affair; so only the later one is sent.
            self.points[former].line = 0..0;
        }
        self.points.push(point);
    }
}

/// The places of points as requests of at most `points_max` points and `bytes_max` bytes (or one point).
fn batches(group: &Group, places: &[usize], points_max: usize, bytes_max: usize) -> Vec<Vec<Range<usize>>> {
    let mut batches: Vec<Vec<Range<usize>>> = Vec::new();
    let (mut points, mut bytes) = (usize::MAX, 0);
    for place in places.iter().copied() {
        let length = group.points[place].line.len();
        if points >= points_max || bytes + length > bytes_max {
            batches.push(Vec::new());
            (points, bytes) = (0, 0);
        }
        points += 1;
        bytes += length;
        let Some(batch) = batches.last_mut() else { continue };
        match batch.last_mut() {
            Some(last) if last.end == place => last.end += 1,
            _ => batch.push(place..place + 1),
        }
    }
    batches
}

/// One request.
fn offer(influx: &Influx, group: &Group, points: &[Range<usize>]) -> Result<Verdict, Failure> {
    let lines = points.iter().flat_map(|piece| &group.points[piece.clone()]);
    let bytes = lines.flat_map(|point| &group.lines[point.line.clone()]).copied().collect();
    let offered = bisect::count(points) as u64;
    let (verdict, outcome) = match influx.transport.write(bytes) {
        Ok(()) => (Ok(Verdict::Taken), "taken"),
        // From something in between, it is no judgement of the points.
        Err(Failure { status: 400 | 422, text, is_influxdb: true, .. }) => (Ok(Verdict::Refused(text)), "refused"),
        // A single point is never too large for InfluxDB; something in between that says so is in the way.
        Err(Failure { status: 413, .. }) if offered > 1 => (Ok(Verdict::TooLarge), "too_large"),
        Err(failure) => (Err(failure), "failed"),
    };
    metrics::counter!("influx_requests_total", "outcome" => outcome).increment(1);
    if outcome == "taken" {
        metrics::counter!("influx_points_total").increment(offered);
    }
    verdict
}

/// The entry as the books take it: what was refused is no sample but a rejection, and the message is kept.
fn settled(entry: &Entry, refused: &HashMap<(Seq, usize), String>, names: &Names) -> Entry {
    let Body::Message(message) = &entry.body else { return entry.clone() };
    let told = |place: usize| refused.get(&(entry.seq, place));
    if (0..message.samples.len()).all(|place| told(place).is_none()) {
        return entry.clone();
    }
    let mut message = message.clone();
    let samples = std::mem::take(&mut message.samples);
    let mut lost = Vec::new();
    for (place, sample) in samples.into_iter().enumerate() {
        let Some(told) = told(place) else {
            message.samples.push(sample);
            continue;
        };
        let property = names.series(sample.channel).map_or("?", |series| series.field.as_str());
        let detail = short(&format!("{property} at {}: {told}", sample.observed_at));
        message.rejections.push(Rejection { reason: Reason::RefusedByStore, detail });
        lost.push(sample);
    }
    if message.raw.is_none() {
        message.raw = Some(raw(&lost, names));
    }
    Entry { seq: entry.seq, received_at: entry.received_at, body: Body::Message(message) }
}

/// What would bring the refused samples in again: the journal does not keep a message of which all was taken. Flags are
/// not in it beyond the device's own words.
fn raw(lost: &[Sample], names: &Names) -> RawCopy {
    let station = |sample: &Sample| names.series(sample.channel).map_or("?", |series| series.station.as_str());
    let stations: BTreeSet<&str> = lost.iter().map(station).collect();
    // Samples of several stations have no topic in common: such a letter cannot be replayed by mistake.
    let topic = match stations.first() {
        Some(station) if stations.len() == 1 => format!("saola/v1/{station}"),
        _ => "saola/v1".to_owned(),
    };
    let mut objects = Vec::new();
    for sample in lost {
        let mut object = serde_json::Map::new();
        let property = names
            .series(sample.channel)
            .map_or_else(|_| format!("channel {}", sample.channel), |series| series.field.clone());
        if stations.len() > 1 {
            object.insert("station".to_owned(), station(sample).into());
        }
        object.insert("time".to_owned(), sample.observed_at.to_string().into());
        object.insert("status".to_owned(), status(sample).into());
        object.insert(property, sample.value.into());
        objects.push(serde_json::Value::Object(object));
    }
    let payload = serde_json::to_vec(&objects).unwrap_or_default();
    RawCopy { topic, payload }
}

fn status(sample: &Sample) -> &'static str {
    if sample.quality.has(Quality::FAULT) {
        "fault"
    } else if sample.quality.has(Quality::CALIBRATING) {
        "calibrating"
    } else {
        "measuring"
    }
}

fn short(text: &str) -> String {
    let mut end = text.len().min(DETAIL_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
