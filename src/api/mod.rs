//! HTTP.
pub mod body;
pub mod config;
pub mod door;
pub mod headers;
pub mod pages;
pub mod paced;
pub mod problem;
pub mod query;
pub mod search;
pub mod server;
pub mod time;
