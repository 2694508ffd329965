//! A hundred thousand messages that are none, in every format, between as many good ones, through the real pipeline:
//! exactly the bad ones are refused, each with its reason and kept whole, and every good one is stored.

mod forms;

use std::sync::Arc;
use std::time::Duration;

use saola::decode::source::{Config, Sources};
use saola::journal::Journal;
use saola::model::{
    Arrival, Body, Catalogue, Intake as _, Message, RawMessage, Seq, SourceId, StationKind, Timestamp, Unit,
};
use saola::pipeline::Pipeline;
use saola::store::{DeadLetterFilter, Store};

use crate::service::DEADLINE;
use crate::workbench::{Workbench, one_station};

/// Bad messages in all.
const BAD: usize = 100_000;
const BEGIN: Timestamp = Timestamp::from_seconds(1_795_230_900);
const EDGE: SourceId = SourceId(0);

const SOURCES: &str = include_str!("hostile/sources.toml");

#[derive(serde::Deserialize)]
struct File {
    source: Vec<Config>,
}

fn sources() -> Sources {
    let configs = toml::from_str::<File>(SOURCES).unwrap().source;
    let number = |name: &str| match name {
        "edge" => Some(EDGE),
        name => configs.iter().position(|config| config.name == name).map(|place| SourceId(1 + place as u16)),
    };
    Sources::prepare(&configs, number).unwrap()
}

/// One station `A` with `t` in Cel, -50 to 60.
fn catalogue() -> Catalogue {
    let names = toml::from_str::<File>(SOURCES).unwrap().source.into_iter().map(|source| source.name);
    one_station(StationKind::Weather, ("t", Unit::Celsius, [-50.0, 60.0]), ["edge".to_owned()].into_iter().chain(names))
}

/// A pipeline with its journal and store.
struct House {
    journal: Arc<Journal>,
    store: Arc<Store>,
    pipeline: Pipeline,
    next: Seq,
    _folder: tempfile::TempDir,
}

impl House {
    fn new() -> House {
        let Workbench { journal, store, pipeline, folder } = Workbench::new();
        let pipeline = pipeline.with_sources(sources());
        let next = pipeline.install(BEGIN, Arc::new(catalogue())).unwrap();
        House { journal, store, pipeline, next, _folder: folder }
    }

    /// Hands in a batch and gives what the journal says became of each message, once the store has it too.
    async fn take(&mut self, batch: &[RawMessage<'_>]) -> Vec<Message> {
        let last = self.pipeline.accept(batch).unwrap();
        let mut durable = self.journal.durable();
        let reached = tokio::time::timeout(DEADLINE, durable.wait_for(|durable| durable.through >= last)).await;
        assert!(matches!(reached, Ok(Ok(durable)) if !durable.failed));
        let mut messages = Vec::new();
        let mut reader = self.journal.reader(Seq(self.next.0 - 1));
        loop {
            let entries = reader.next_batch(10_000, 16 << 20).unwrap();
            let Some(newest) = entries.last() else { break };
            self.next = newest.seq.next();
            self.store.apply(&entries).unwrap();
            messages.extend(entries.into_iter().filter_map(|entry| match entry.body {
                Body::Message(message) => Some(message),
                _ => None,
            }));
        }
        messages
    }
}

/// What became wrongly of a message that was sent with the reason that it is to be refused for.
fn mistaken((topic, payload, reason): &(&str, Vec<u8>, Option<&str>), became: &Message) -> Option<String> {
    let reasons: Vec<&str> = became.rejections.iter().map(|rejection| rejection.reason.word()).collect();
    let raw = became.raw.as_ref();
    let is_right = match reason {
        None => became.samples.len() == 1 && reasons.is_empty() && raw.is_none(),
        Some(reason) => {
            let is_whole = raw.is_some_and(|raw| raw.topic == *topic && raw.payload == *payload);
            became.samples.is_empty() && reasons == [*reason] && is_whole
        }
    };
    let sent = String::from_utf8_lossy(payload);
    (!is_right).then(|| format!("{topic} {sent:?}, to be {reason:?}: {became:?}"))
}

#[tokio::test]
async fn a_hundred_thousand_bad_messages_in_every_format_cost_no_good_one() {
    let forms = forms::all();
    assert_eq!(forms.len(), 15, "every format but zigbee2mqtt's, which is JSON with other topics");
    let classes: usize = forms.iter().map(|form| form.bad.len()).sum();
    let mut house = House::new();
    let (mut bad, mut good, mut round) = (0, 0, 0);
    while bad < BAD {
        // A bad one of each class, and before each a good one of the same format.
        let mut sent: Vec<(&str, Vec<u8>, Option<&str>)> = Vec::new();
        for form in &forms {
            for (reason, topic, payload) in &form.bad {
                let second = BEGIN.micros() / 1_000_000 - 2_000_000 + good as i64;
                sent.push((form.topic, (form.good)(second), None));
                sent.push((topic, payload.clone(), Some(reason)));
                good += 1;
                bad += 1;
            }
        }
        let batch: Vec<RawMessage<'_>> = sent
            .iter()
            .enumerate()
            .map(|(place, (topic, payload, _))| {
                let received_at = BEGIN + Duration::from_millis((round * sent.len() + place) as u64);
                RawMessage { source: EDGE, topic, payload, received_at, arrival: Arrival::Fresh }
            })
            .collect();
        let became = house.take(&batch).await;
        assert_eq!(became.len(), sent.len());
        let mistaken: Vec<String> =
            sent.iter().zip(&became).filter_map(|(sent, became)| mistaken(sent, became)).collect();
        assert!(mistaken.is_empty(), "\n{}\n", mistaken.join("\n"));
        round += 1;
    }
    assert!(classes > 150 && bad % classes == 0, "{classes} classes");
    let stored: u64 = house.store.stored_counts().values().sum();
    assert_eq!(stored, good as u64);
    let (mut letters, mut before) = (0, None);
    loop {
        let page = house
            .store
            .dead_letters(before, 1_000, &DeadLetterFilter { source: None, reason: None, since: None })
            .unwrap();
        assert!(page.damaged.is_empty());
        letters += page.letters.len();
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(letters, bad);
}
