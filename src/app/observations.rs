//! New observations out over MQTT, for SensorThings clients: `v1.1/Datastreams('ID')/Observations`.
//!
//! It follows the feed of changes, so that whoever listens costs the way in nothing: a station is looked at again when
//! something of it has changed, and each of its channels whose newest sample is another one is told. A channel that
//! changed twice between two looks is told once, with its newest sample; a sample that is older than the newest is not
//! told. History has them all. While nobody listens nothing is looked at.

use std::sync::Arc;

use hashbrown::HashMap;
use tokio_util::sync::CancellationToken;

use crate::api::{Parts, sta};
use crate::live::{Change, Latest, Since};
use crate::model::{ChannelId, Seq, StationNo, Timestamp};
use crate::mqtt::edge::ObservationTopics;

/// Samples that are told before others get their turn.
const TOLD_AT_ONCE: usize = 256;

/// Tells until `stop`.
pub(super) async fn tell(parts: Arc<Parts>, topics: ObservationTopics, stop: CancellationToken) {
    let mut wake = parts.feed.wake();
    let mut outlet = Outlet { cursor: parts.feed.latest(), unheard_at: parts.clock.now(), told: None };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = wake.changed() => if changed.is_err() { return },
        }
        let news = outlet.news(&parts, topics.are_heard());
        for some in news.chunks(TOLD_AT_ONCE) {
            for (topic, payload) in sta::observations(&parts, some) {
                topics.publish(&topic, payload);
            }
            tokio::task::yield_now().await;
        }
    }
}

struct Outlet {
    cursor: Seq,
    /// When it was last seen that nobody listens: what was received by then is not news.
    unheard_at: Timestamp,
    /// While somebody listens: by channel the time and value (as bits) that were told last.
    told: Option<HashMap<ChannelId, (Timestamp, u64)>>,
}

impl Outlet {
    /// What is to be told, and where from now on it goes on.
    fn news(&mut self, parts: &Parts, is_heard: bool) -> Vec<(ChannelId, Latest)> {
        if !is_heard {
            (self.cursor, self.unheard_at, self.told) = (parts.feed.latest(), parts.clock.now(), None);
            return Vec::new();
        }
        let told = self.told.get_or_insert_default();
        let stations: Vec<StationNo> = match parts.feed.since(self.cursor) {
            Since::Changes(changes) => {
                self.cursor = changes.last().map_or(self.cursor, |(seq, _)| *seq);
                let station = |(_, change)| if let Change::Station(no) = change { Some(no) } else { None };
                changes.into_iter().filter_map(station).collect()
            }
            Since::Resync => {
                // Taken before the stations are looked at.
                self.cursor = parts.feed.latest();
                let catalogue = Arc::clone(&parts.state.read().catalogue);
                catalogue.stations().iter().map(|station| station.no).collect()
            }
        };
        let mut news = Vec::new();
        for some in stations.chunks(TOLD_AT_ONCE) {
            let state = parts.state.read();
            let channels = some.iter().filter_map(|no| state.catalogue.station(*no)).flat_map(|one| &one.channels);
            for id in channels {
                let Some(latest) = state.live.latest(*id).filter(|latest| latest.received_at > self.unheard_at) else {
                    continue;
                };
                let mark = (latest.observed_at, latest.value.to_bits());
                if told.insert(*id, mark) != Some(mark) {
                    news.push((*id, *latest));
                }
            }
        }
        news
    }
}
