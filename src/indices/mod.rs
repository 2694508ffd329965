//! Indices of the field: pure functions from quantities to what is decided by, one file for each.
//!
//! Invariants: no clock, no I/O, no configuration read here but the text of one file ([`config`]); units are in the types
//! ([`quantity`]); each file says its formula and its source, and what was not confirmed there is a parameter.
//!
//! Left out on purpose: where the inputs come from. A CSV gives them to `saola index`, the store to the derived channels.

pub mod chandler;
pub mod config;
pub mod fire_danger_p;
pub mod fwi;
pub mod landslide;
pub mod level_of_service;
pub mod moisture;
pub mod nesterov;
pub mod nowcast;
pub mod quantity;
pub mod rain;
pub mod river;
pub mod vn_aqi;
