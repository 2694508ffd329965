//! MQTT, both ways in: the embedded edge that devices connect to, and a client of outside brokers.

pub mod client;
