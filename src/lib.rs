//! Saola: the backend of a provincial operations centre, as a library that the binary and the tests share.
//!
//! Modules in the way of a reading; the README tells the journey of one reading, one alert and one map request.

pub mod model;

pub mod clock;
pub mod config;
pub mod database;
pub mod document;
pub mod geodesy;

pub mod decode;
pub mod intake;
pub mod mqtt;
pub mod validate;

pub mod journal;
pub mod pipeline;
pub mod quality;
pub mod sensorthings;

pub mod indices;

pub mod derive;

pub mod alerts;
pub mod cap;
pub mod follow;
pub mod history;
pub mod incidents;
pub mod live;
pub mod promql;
pub mod state;
pub mod store;
pub mod trial;

pub mod notify;

pub mod auth;
pub mod coverage;
pub mod registry;
pub mod rulebook;

pub mod layers;
pub mod open_data;

pub mod field;

pub mod api;
pub mod app;
pub mod cli;
pub mod shutdown;
pub mod telemetry;
