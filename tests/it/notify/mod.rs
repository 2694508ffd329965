//! Notifications: the outbox under kills, storms and outages, and every channel against a scripted other side.

mod bench;
mod channels;
mod hushed;
mod kills;
mod outage;
mod storm;
