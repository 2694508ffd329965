//! From a device's publish to the event that a page reads: messages carry the time of their sending, events the time
//! of the newest observation.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;
use saola::clock::Clock;
use saola::model::Timestamp;
use saola_sim::load::Histogram;
use tokio::task::JoinSet;

use crate::http_client::asking;
use crate::servers::Service;

const ID: &str = "\"id\":\"";
const MARK: &str = "\"observed_at\":\"";

async fn opened(service: &Service) -> Response {
    let request = asking().get(format!("http://{}/api/v1/stream", service.http));
    let answer = request.bearer_auth(&service.token).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer
}

/// The same as [`latency`] of 1,000 messages a second for one of 200 readers, 50 of whom never read.
pub async fn latency_in_a_crowd(service: &Service, lasts: Duration) -> Histogram {
    let mut deaf = Vec::new();
    for _ in 0..50 {
        deaf.push(opened(service).await);
    }
    let mut reading = JoinSet::new();
    for _ in 0..149 {
        let mut events = opened(service).await.bytes_stream();
        reading.spawn(async move { while events.next().await.is_some() {} });
    }
    let histogram = latency(service, lasts, 1_000).await;
    // None was turned away or ended in the meantime.
    assert_eq!((reading.len(), reading.try_join_next().is_none(), deaf.len()), (149, true, 50));
    histogram
}

/// What stands in a text behind a mark, up to the next quotation mark.
fn behind<'t>(text: &'t str, mark: &str) -> impl Iterator<Item = &'t str> {
    text.match_indices(mark).map(move |(place, _)| text[place + mark.len()..].split('"').next().unwrap_or_default())
}

/// The latencies of every message's observations, when an event stream tells them for the first time, while so many
/// messages a second arrive; microseconds. A station that is told again for another reason brings nothing new.
pub async fn latency(service: &Service, lasts: Duration, per_s: u32) -> Histogram {
    let mut events = opened(service).await.bytes_stream();
    let load = crate::load(&service.mqtt, lasts, per_s, crate::CONNECTIONS);
    let mut load = std::pin::pin!(load);
    let mut histogram = Histogram::default();
    let mut text = String::new();
    let mut newest: HashMap<String, Timestamp> = HashMap::new();
    loop {
        let bytes = tokio::select! {
            event = events.next() => event.expect("the stream goes on").unwrap(),
            _ = &mut load => return histogram,
        };
        let now = Clock::System.now();
        text.push_str(&String::from_utf8_lossy(&bytes));
        let Some(end) = text.rfind("\n\n") else { continue };
        for event in text[..end].split("\n\n") {
            let times =
                behind(event, MARK).map(|text| Timestamp::parse(text).unwrap_or_else(|| panic!("no time: {text:?}")));
            let (Some(id), Some(sent_at)) = (behind(event, ID).next(), times.max()) else { continue };
            if newest.get(id).is_none_or(|known| *known < sent_at) {
                newest.insert(id.to_owned(), sent_at);
                histogram.note(u64::try_from(now.since(sent_at).as_micros()).unwrap_or(u64::MAX));
            }
        }
        text.drain(..end + 2);
    }
}
