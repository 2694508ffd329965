//! What the edge counts: once for the metrics exporter and once for its own health.
//!
//! Labels come from closed enums only. Install the metrics recorder before the edge starts: the handles are taken then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use metrics::{Counter, Gauge};
use serde::Serialize;

use super::alerts::Nature;

/// Why something was not taken. A closed list: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedReason {
    /// The limit of open connections.
    Connections,
    /// The first bytes were no CONNECT.
    Garbage,
    /// The CONNECT, or the TLS handshake, did not come in time.
    ConnectTimeout,
    /// The TLS handshake failed.
    Tls,
    /// The handshake of WebSocket failed.
    WebSocket,
    /// No such account, or a wrong password.
    Login,
    /// Too many wrong passwords from an address.
    Throttled,
    /// Too many logins wait for their check.
    Busy,
    /// A client identifier that is empty, or another account's.
    ClientId,
    /// A packet above the limit.
    PacketSize,
    /// Bytes that are no MQTT, or a packet out of place.
    Malformed,
    /// A topic that is none, or is longer or deeper than allowed.
    Topic,
    /// A message to a topic that the account may not publish to.
    Publish,
    /// A subscription that the account may not have, or one too many.
    Subscribe,
    /// A session that cannot be kept: too many are, or the disk fails.
    Session,
    /// A will that may not be published.
    Will,
    /// An account that is no more, of a client that was connected.
    Revoked,
    /// More messages in flight than announced.
    Window,
    /// Nothing heard for one and a half keep-alives.
    KeepAlive,
    /// A connection of the same client came.
    TakenOver,
    /// No memory for packets in parts.
    Memory,
    /// The journal does not write.
    Journal,
}

impl RefusedReason {
    const ALL: [RefusedReason; 22] = [
        RefusedReason::Connections,
        RefusedReason::Garbage,
        RefusedReason::ConnectTimeout,
        RefusedReason::Tls,
        RefusedReason::WebSocket,
        RefusedReason::Login,
        RefusedReason::Throttled,
        RefusedReason::Busy,
        RefusedReason::ClientId,
        RefusedReason::PacketSize,
        RefusedReason::Malformed,
        RefusedReason::Topic,
        RefusedReason::Publish,
        RefusedReason::Subscribe,
        RefusedReason::Session,
        RefusedReason::Will,
        RefusedReason::Revoked,
        RefusedReason::Window,
        RefusedReason::KeepAlive,
        RefusedReason::TakenOver,
        RefusedReason::Memory,
        RefusedReason::Journal,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusedReason::Connections => "connections",
            RefusedReason::Garbage => "garbage",
            RefusedReason::ConnectTimeout => "connect_timeout",
            RefusedReason::Tls => "tls",
            RefusedReason::WebSocket => "websocket",
            RefusedReason::Login => "login",
            RefusedReason::Throttled => "throttled",
            RefusedReason::Busy => "busy",
            RefusedReason::ClientId => "client_id",
            RefusedReason::PacketSize => "packet_size",
            RefusedReason::Malformed => "malformed",
            RefusedReason::Topic => "topic",
            RefusedReason::Publish => "publish",
            RefusedReason::Subscribe => "subscribe",
            RefusedReason::Session => "session",
            RefusedReason::Will => "will",
            RefusedReason::Revoked => "revoked",
            RefusedReason::Window => "window",
            RefusedReason::KeepAlive => "keep_alive",
            RefusedReason::TakenOver => "taken_over",
            RefusedReason::Memory => "memory",
            RefusedReason::Journal => "journal",
        }
    }
}

/// A counter for the exporter and for [`Status`].
pub(super) struct Count {
    total: AtomicU64,
    metric: Counter,
}

impl Count {
    fn new(metric: Counter) -> Self {
        Count { total: AtomicU64::new(0), metric }
    }

    pub fn add(&self, count: u64) {
        if count > 0 {
            self.total.fetch_add(count, Ordering::Relaxed);
            self.metric.increment(count);
        }
    }

    fn get(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}

/// All counters of one edge.
pub(super) struct Meters {
    open: AtomicUsize,
    open_metric: Gauge,
    pub messages_qos_0: Count,
    pub messages_qos_1: Count,
    pub messages_qos_2: Count,
    pub repeated: Count,
    pub acknowledged: Count,
    pub held_back: Count,
    pub paced: Count,
    pub logins: Count,
    pub wills_published: Count,
    pub alerts_sent: Count,
    pub alerts_dropped: Count,
    pub observations_sent: Count,
    pub observations_dropped: Count,
    pub retained_full: Count,
    refused: [Count; RefusedReason::ALL.len()],
}

impl Meters {
    pub fn new() -> Self {
        let messages = |qos| metrics::counter!("edge_messages_total", "qos" => qos);
        let refused =
            |reason: RefusedReason| Count::new(metrics::counter!("edge_refused_total", "reason" => reason.as_str()));
        Meters {
            open: AtomicUsize::new(0),
            open_metric: metrics::gauge!("edge_connections"),
            messages_qos_0: Count::new(messages("0")),
            messages_qos_1: Count::new(messages("1")),
            messages_qos_2: Count::new(messages("2")),
            repeated: Count::new(metrics::counter!("edge_repeated_total")),
            acknowledged: Count::new(metrics::counter!("edge_acknowledged_total")),
            held_back: Count::new(metrics::counter!("edge_held_back_total")),
            paced: Count::new(metrics::counter!("edge_paced_total")),
            logins: Count::new(metrics::counter!("edge_logins_total")),
            wills_published: Count::new(metrics::counter!("edge_wills_published_total")),
            alerts_sent: Count::new(metrics::counter!("edge_alerts_sent_total")),
            alerts_dropped: Count::new(metrics::counter!("edge_alerts_dropped_total")),
            observations_sent: Count::new(metrics::counter!("edge_observations_sent_total")),
            observations_dropped: Count::new(metrics::counter!("edge_observations_dropped_total")),
            retained_full: Count::new(metrics::counter!("edge_retained_full_total")),
            refused: RefusedReason::ALL.map(refused),
        }
    }

    pub fn refuse(&self, reason: RefusedReason) {
        self.refused[reason as usize].add(1);
    }

    pub fn refuse_many(&self, reason: RefusedReason, count: u64) {
        self.refused[reason as usize].add(count);
    }

    /// One more open connection, unless `limit` are open.
    pub fn open(&self, limit: usize) -> bool {
        let seated =
            self.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| (open < limit).then_some(open + 1));
        if seated.is_ok() {
            self.open_metric.increment(1.0);
        }
        seated.is_ok()
    }

    pub fn close(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.open_metric.decrement(1.0);
    }

    /// What is written of a kind of message.
    pub fn sent(&self, nature: Nature) -> &Count {
        match nature {
            Nature::Alert | Nature::Command => &self.alerts_sent,
            Nature::Observation => &self.observations_sent,
        }
    }

    /// What is lost of a kind of message.
    pub fn dropped(&self, nature: Nature) -> &Count {
        match nature {
            Nature::Alert | Nature::Command => &self.alerts_dropped,
            Nature::Observation => &self.observations_dropped,
        }
    }

    pub fn status(&self) -> Status {
        let refused = RefusedReason::ALL.map(|reason| (reason.as_str(), self.refused[reason as usize].get()));
        Status {
            connections: self.open.load(Ordering::Acquire),
            sessions: 0,
            messages_qos_0: self.messages_qos_0.get(),
            messages_qos_1: self.messages_qos_1.get(),
            messages_qos_2: self.messages_qos_2.get(),
            repeated: self.repeated.get(),
            acknowledged: self.acknowledged.get(),
            held_back: self.held_back.get(),
            paced: self.paced.get(),
            logins: self.logins.get(),
            wills_published: self.wills_published.get(),
            alerts_sent: self.alerts_sent.get(),
            alerts_dropped: self.alerts_dropped.get(),
            observations_sent: self.observations_sent.get(),
            observations_dropped: self.observations_dropped.get(),
            retained_full: self.retained_full.get(),
            refused: refused.into_iter().filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// The edge's health, for the API. Counts are since the start of the process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Open now, those that have not logged in included.
    pub connections: usize,
    /// Messages of QoS 0 given to the pipeline.
    pub messages_qos_0: u64,
    /// Messages of QoS 1 given to the pipeline.
    pub messages_qos_1: u64,
    /// Messages of QoS 2 given to the pipeline.
    pub messages_qos_2: u64,
    /// Messages of QoS 2 that came again and were not taken twice.
    pub repeated: u64,
    /// Messages answered because they are on disk.
    pub acknowledged: u64,
    /// How often a connection was not read because the journal's buffer was full.
    pub held_back: u64,
    /// How often a connection was not read because it sent too fast.
    pub paced: u64,
    /// Connections accepted.
    pub logins: u64,
    /// Wills of clients that went without a good-bye, given to the pipeline.
    pub wills_published: u64,
    /// Sessions that outlive their connections, connected or not.
    pub sessions: usize,
    /// Alerts written to subscribers.
    pub alerts_sent: u64,
    /// Alerts dropped because a subscriber does not read.
    pub alerts_dropped: u64,
    /// Observations written to subscribers.
    pub observations_sent: u64,
    /// Observations that subscribers were too slow for.
    pub observations_dropped: u64,
    /// Alerts published and not retained, because too many are.
    pub retained_full: u64,
    /// What was not taken, by reason; reasons that never occurred are left out.
    pub refused: BTreeMap<&'static str, u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_place_and_label() {
        for (index, reason) in RefusedReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        let labels: std::collections::BTreeSet<_> = RefusedReason::ALL.map(RefusedReason::as_str).into();
        assert_eq!(labels.len(), RefusedReason::ALL.len());
    }

    #[test]
    fn the_limit_of_connections_holds() {
        let meters = Meters::new();
        assert!(meters.open(2) && meters.open(2) && !meters.open(2));
        meters.close();
        assert!(meters.open(2));
        assert_eq!(meters.status().connections, 2);
    }
}
