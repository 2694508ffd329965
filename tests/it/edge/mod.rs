//! The MQTT edge from outside: raw sockets against a pipeline whose journal is moved by hand.

mod alerts;
mod door;
mod double;
mod journal;
