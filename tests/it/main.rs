//! The integration tests, one binary laid out like the parts they exercise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod api;
mod auth;
mod canary;
mod client;
mod config;
mod crash;
mod derived;
mod edge;
mod foreign;
mod gdal;
mod grafana;
mod history;
mod hostile;
mod http_client;
mod import;
mod incidents;
mod index;
mod influx;
mod journal;
mod liveness;
mod malformed;
mod mosquitto;
mod mqtt_client;
mod names;
mod notify;
mod observations;
mod pipeline;
mod pressure;
mod quality;
mod recorded;
mod registry;
mod replay;
mod rules;
mod service;
mod sources;
mod standards;
mod store;
mod tidy;
mod trial;
mod wait;
mod ways;
mod workbench;
mod workflow;
