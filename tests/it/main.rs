//! The integration tests, one binary laid out like the parts they exercise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "seeds and figures, for whoever reads a test's output")]

mod api;
mod auth;
mod client;
mod config;
mod crash;
mod edge;
mod foreign;
mod journal;
mod malformed;
mod mosquitto;
mod mqtt_client;
mod recorded;
mod registry;
mod replay;
mod rules;
mod service;
mod store;
mod tidy;
