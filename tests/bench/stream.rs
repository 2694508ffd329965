//! From a device's publish to the event that a page reads: messages carry the time of their sending, events the time
//! of the newest observation.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::Response;
use saola::clock::Clock;
use saola::model::Timestamp;
use saola_sim::load::Histogram;
use tokio::task::JoinSet;

use crate::http_client::asking;
use crate::servers::Service;

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

/// The latencies of every observation that an event stream tells while so many messages a second arrive, microseconds.
pub async fn latency(service: &Service, lasts: Duration, per_s: u32) -> Histogram {
    let mut events = opened(service).await.bytes_stream();
    let load = crate::load(&service.mqtt, lasts, per_s, crate::CONNECTIONS);
    let mut load = std::pin::pin!(load);
    let mut histogram = Histogram::default();
    let mut text = String::new();
    loop {
        let bytes = tokio::select! {
            event = events.next() => event.expect("the stream goes on").unwrap(),
            _ = &mut load => return histogram,
        };
        let now = Clock::System.now();
        text.push_str(&String::from_utf8_lossy(&bytes));
        let Some(end) = text.rfind('\n') else { continue };
        for place in text[..end].match_indices(MARK).map(|(place, _)| place + MARK.len()) {
            let written = text[place..].split('"').next().unwrap_or_default();
            let sent_at = Timestamp::parse(written).unwrap_or_else(|| panic!("not a time: {written:?}"));
            histogram.note(u64::try_from(now.since(sent_at).as_micros()).unwrap_or(u64::MAX));
        }
        text.drain(..=end);
    }
}
