//! MQTT, both ways in: the embedded edge that devices connect to, and topics as both ways understand them.

pub mod edge;
pub mod topic;
