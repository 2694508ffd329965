//! An MQTT 3.1.1 client of our own: an independent opinion about the protocol, and fast enough to measure with.
//!
//! [`Publisher`] is for correctness (it knows exactly which messages were acknowledged); the load generator uses
//! [`packet`] directly. Left out on purpose: QoS 2, TLS, MQTT 5.

mod acknowledged;
pub mod connection;
pub mod packet;
mod publisher;

pub use acknowledged::Acknowledged;
pub use packet::{Credentials, Qos, Session};
pub use publisher::{Options, Publisher, Ticket, Totals};

/// What can go wrong with a connection.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// No connection within the time given.
    #[error("no connection to {broker} within {waited_s} s; last: {last}")]
    Unreachable {
        /// The broker.
        broker: String,
        /// How long it was tried.
        waited_s: u64,
        /// The last failure.
        last: String,
    },
    /// The broker refused the connection for good.
    #[error("{broker} refused the connection with code {code}: {meaning}")]
    Refused {
        /// The broker.
        broker: String,
        /// MQTT's return code.
        code: u8,
        /// What the code means.
        meaning: &'static str,
    },
    /// The socket failed.
    #[error("connection to the broker: {0}")]
    Socket(#[from] std::io::Error),
    /// The broker sent what MQTT does not allow.
    #[error("the broker broke the protocol: {0}")]
    Protocol(#[from] packet::PacketError),
    /// The publisher is closed.
    #[error("the publisher is closed")]
    Closed,
    /// A topic or payload that does not fit into a packet.
    #[error("a message of {0} bytes does not fit into an MQTT packet")]
    TooLarge(usize),
}
