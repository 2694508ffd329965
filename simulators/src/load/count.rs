//! A subscriber that only counts: the ceiling that a real reader of the same broker is compared with.

use std::time::Duration;

use bytes::Buf;
use tokio::time::Instant;

use crate::mqtt::MqttError;
use crate::mqtt::connection::{Connection, Moved};
use crate::mqtt::packet::{self, Credentials, Incoming, Qos, Session};

/// What to count.
#[derive(Clone, Debug)]
pub struct CountOptions {
    /// `host:port`.
    pub broker: String,
    /// Topic filter.
    pub filter: String,
    /// Quality of service asked for.
    pub qos: Qos,
    /// How long to count.
    pub lasts: Duration,
    /// Stop earlier, at this many messages.
    pub messages: Option<u64>,
    /// How it signs in.
    pub credentials: Option<Credentials>,
    /// MQTT client identifier.
    pub client_id: String,
}

impl CountOptions {
    /// `filter` at QoS 1 for ten seconds.
    pub fn new(broker: impl Into<String>, filter: impl Into<String>) -> Self {
        Self {
            broker: broker.into(),
            filter: filter.into(),
            qos: Qos::AtLeastOnce,
            lasts: Duration::from_secs(10),
            messages: None,
            credentials: None,
            client_id: format!("saola-count-{}", std::process::id()),
        }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// Messages.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// From the first to the last, s.
    pub seconds: f64,
}

impl Counted {
    /// Messages a second from the first to the last.
    pub fn per_s(&self) -> f64 {
        self.messages as f64 / self.seconds.max(1e-9)
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        format!(
            "{{\"messages\":{},\"bytes\":{},\"seconds\":{:.3},\"messages_per_s\":{:.0}}}",
            self.messages,
            self.bytes,
            self.seconds,
            self.per_s()
        )
    }
}

/// Subscribes, calls `subscribed` once the broker has agreed, and counts.
pub async fn count(options: &CountOptions, subscribed: impl FnOnce()) -> Result<Counted, MqttError> {
    let credentials = options.credentials.as_ref();
    let mut connection =
        Connection::open(&options.broker, &options.client_id, credentials, Session::Clean, 600).await?;
    let mut subscribe = Vec::new();
    packet::subscribe(&mut subscribe, 1, options.filter.as_bytes(), options.qos);
    connection.outgoing.extend_from_slice(&subscribe);
    let mut subscribed = Some(subscribed);
    let mut counted = Counted::default();
    let mut first = None;
    let end = Instant::now() + options.lasts;
    let mut acks = Vec::new();
    while options.messages.is_none_or(|messages| counted.messages < messages) {
        tokio::select! {
            biased;
            moved = connection.exchange() => if moved? == Moved::Written { continue },
            () = tokio::time::sleep_until(end) => break,
        }
        let before = counted.messages;
        while let Some((incoming, used)) = packet::decode(&connection.incoming)? {
            match incoming {
                Incoming::Publish { qos, packet_id, payload, .. } => {
                    counted.messages += 1;
                    counted.bytes += payload.len() as u64;
                    if qos == 1 {
                        packet::puback(&mut acks, packet_id);
                    }
                }
                Incoming::SubAck([0..=2]) => {
                    if let Some(subscribed) = subscribed.take() {
                        subscribed();
                    }
                }
                Incoming::SubAck(_) => {
                    let broker = options.broker.clone();
                    return Err(MqttError::Refused { broker, code: 0x80, meaning: "subscription refused" });
                }
                _ => {}
            }
            connection.incoming.advance(used);
        }
        connection.outgoing.extend_from_slice(&acks);
        acks.clear();
        if counted.messages > before {
            let now = Instant::now();
            counted.seconds = (now - *first.get_or_insert(now)).as_secs_f64();
        }
    }
    connection.finish().await?;
    Ok(counted)
}
