//! The store that keeps samples in InfluxDB 2, against stand-ins: a scripted server that misbehaves ([`scripted`]),
//! Debian's VictoriaMetrics, InfluxData's own parser and type checker of Flux, and Debian's InfluxDB 1. No InfluxDB 2
//! can be had where these tests run.

mod buckets;
mod fixture;
pub mod flux_texts;
mod hostile;
mod outages;
mod protocol;
mod reads;
mod refusals;
mod scripted;
mod service;
mod setup;
mod victoria;
