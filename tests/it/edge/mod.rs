//! The MQTT edge from outside: raw sockets and other people's clients against a pipeline whose journal is moved by
//! hand.

mod alerts;
mod devices;
mod door;
pub mod double;
mod foreign;
mod journal;
mod killed;
mod measure;
mod mutated;
mod observations;
mod scripts;
mod sessions;
mod tls;
mod twice;
mod websocket;
mod wills;
