//! Each channel's latest written sample, in memory and beside the runs.
//!
//! It answers "what is it now" without reading a day, and it tells a flush which samples cannot replace anything: those
//! later than all that is written. It is written in the batch of its sample. What of it cannot be read is made again
//! from the runs. A latest sample outlives the deletion of its day for age.

use fjall::{Readable, Snapshot};
use hashbrown::HashMap;

use crate::model::{ChannelId, Quality, Timestamp};

use super::StoredSample;
use super::key::{self, Key, Span, Table};
use super::sealed;
use super::tables::{self, Tables};

pub(super) type Latest = HashMap<ChannelId, StoredSample>;

/// A channel's latest sample, as it is written.
pub(super) fn note(channel: ChannelId, sample: &StoredSample) -> ([u8; key::CHANNEL_BYTES], Vec<u8>) {
    let key = key::latest(channel);
    let value = (sample.observed_at, sample.value, sample.quality);
    (key, sealed::seal(&key, &value))
}

/// All of them; `channels` is how many are known by the catalogue.
pub(super) fn read(tables: &Tables, channels: u32) -> Latest {
    let snapshot = tables.database.snapshot();
    let mut latest = Latest::new();
    for guard in snapshot.prefix(&tables.history, Table::Latest.prefix()) {
        let Some((channel, sample)) = guard.into_inner().ok().and_then(|(key, value)| one(&key, &value)) else {
            tracing::error!("a note of the latest samples cannot be read; they are looked up in the runs");
            let mut found = again(tables, &snapshot, channels);
            found.extend(latest);
            return found;
        };
        latest.insert(channel, sample);
    }
    latest
}

fn one(key: &[u8], value: &[u8]) -> Option<(ChannelId, StoredSample)> {
    let (observed_at, value, quality): (Timestamp, f64, Quality) = sealed::unseal(key, value).ok()?;
    let channel = ChannelId(u32::from_be_bytes(key.get(1..)?.try_into().ok()?));
    Some((channel, StoredSample { observed_at, value, quality }))
}

/// From the runs: those of the last span that has any of the channel.
fn again(tables: &Tables, snapshot: &Snapshot, channels: u32) -> Latest {
    let mut found = HashMap::new();
    let spans: Vec<Span> = tables::spans(&tables.history, snapshot, Span::MIN, Span::MAX).collect();
    for span in spans.into_iter().rev() {
        latest_of_span(tables, snapshot, span, channels, &mut found);
    }
    found.into_iter().filter_map(|(channel, sample)| Some((channel, sample?))).collect()
}

/// The latest samples of the channels that have any in a span and none later; nothing for those whose latest run cannot
/// be read, since what is older is not their latest.
fn latest_of_span(
    tables: &Tables,
    snapshot: &Snapshot,
    span: Span,
    channels: u32,
    found: &mut HashMap<ChannelId, Option<StoredSample>>,
) {
    let mut next = Some(0u32);
    while let Some(channel) = next {
        let rest = span.of_channel(ChannelId(channel))[0]..=span.of_channel(ChannelId(u32::MAX))[1];
        let Some(first) = snapshot.range(&tables.history, rest).next() else {
            break;
        };
        let channel = match first.key().map(|key| Key::from_bytes(&key)) {
            Ok(Some(key)) => key.channel,
            // Where the engine cannot read, the numbers of known channels are tried one after the other.
            _ if channel < channels => ChannelId(channel),
            _ => break,
        };
        next = channel.0.checked_add(1);
        if found.contains_key(&channel) {
            continue;
        }
        let [first, last] = span.of_channel(channel);
        let Some(last) = snapshot.range(&tables.history, first..=last).next_back() else {
            continue;
        };
        let key = last.key().ok().and_then(|key| Key::from_bytes(&key));
        let sample = key.and_then(|key| tables.day(snapshot, channel, key.day).0.last().copied());
        found.insert(channel, sample);
    }
}
