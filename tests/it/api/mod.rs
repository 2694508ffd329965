//! The HTTP API against real parts: state, feed, store, registry's areas, accounts; only the pipeline is played by hand.

mod house;

mod alerts;
mod areas;
mod audit;
mod cap;
mod coverage;
mod devices;
mod door;
mod errors;
mod field;
mod history;
mod history_areas;
mod history_buckets;
mod incidents;
mod ledger;
mod maintenance;
mod map;
mod names;
mod ogc;
mod open_data;
mod openapi;
mod overview;
mod past;
mod people;
mod prometheus;
mod registry;
mod roster;
mod rules;
mod server;
mod sta;
mod stream;
mod tiles;
mod trial;
mod workflow;
