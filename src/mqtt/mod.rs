//! MQTT, both ways in: the embedded edge that devices connect to, and a client of outside brokers; and topics as
//! both understand them.

pub mod canary;
pub mod client;
pub mod edge;
pub mod topic;
