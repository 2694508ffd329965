//! Asks edge nodes for their birth certificates, on the broker that they speak by.
//!
//! Not acknowledged by anybody (Sparkplug asks for QoS 0): a node that stays unknown is asked again by the decoder when
//! it speaks, every half minute at most. A broker is told [`PER_SECOND_MAX`] wishes a second; what is beyond is counted
//! and asked for again in the same way.
//!
//! Left out: nodes that speak to the embedded edge (it hands on nothing but alerts yet).

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::decode::sparkplug;
use crate::model::SourceId;
use crate::mqtt::client::Client;
use crate::pipeline::WantedBirth;

/// Wishes that one second may bring, over all brokers: a site that comes back has some tens of nodes.
const PER_SECOND_MAX: u32 = 20;

/// Runs until the service stops.
pub(super) async fn ask(
    mut wanted: mpsc::Receiver<WantedBirth>,
    clients: Vec<(SourceId, Arc<Client>)>,
    clock: Clock,
    stop: CancellationToken,
) {
    let (mut second, mut asked) = (Instant::now(), 0);
    loop {
        let birth = tokio::select! {
            birth = wanted.recv() => birth,
            () = stop.cancelled() => return,
        };
        let Some(WantedBirth { way, node }) = birth else { return };
        if second.elapsed() >= Duration::from_secs(1) {
            (second, asked) = (Instant::now(), 0);
        }
        let client = clients.iter().find(|(id, _)| *id == way).map(|(_, client)| client);
        let outcome = match (client, sparkplug::rebirth(&node, clock.now())) {
            (None, _) => "no_way",
            (_, None) => "no_node",
            _ if asked >= PER_SECOND_MAX => "limited",
            (Some(client), Some((topic, payload))) => {
                asked += 1;
                if client.tell(topic, payload) { "asked" } else { "not_connected" }
            }
        };
        counter!("births_asked_total", "outcome" => outcome).increment(1);
        tracing::debug!(node, outcome, "a birth certificate is wanted");
    }
}
