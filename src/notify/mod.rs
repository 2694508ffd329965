//! Telling people and machines of alerts: a durable outbox, and the ways out of it.
//!
//! ```text
//!  follower --transitions--> desk --one transaction--> outbox --> courier --> mail, push, SMS and other gateways,
//!                             ^ people, wishes           ^                    webhooks, topics
//!                             +-- registry.db            +-- outbox.db
//! ```
//!
//! Invariants are those of [`outbox`]. Left out on purpose: alerts as retained topics (the application publishes what
//! is open, from the state), and deciding who is on duty (the roster's).

pub mod config;
mod courier;
mod desk;
pub mod facts;
pub mod guard;
mod mistakes;
pub mod outbox;
pub mod people;
pub mod person;
pub mod send;
pub mod sms;
pub mod template;
pub mod texts;

pub use config::Config;
pub use courier::{Courier, OnFailure};
pub use desk::{Desk, Happened};
pub use mistakes::{is_area, is_word};
