//! Simulators for Saola: a province's fleet of devices, recorded series of real sensors, and load.
//!
//! An outsider on purpose: nothing here imports the service. It has its own reading of the station files, its own
//! JSON encoder and its own MQTT 3.1.1 client, so that a mistake of the service is not repeated on this side.
//!
//! What the fleet publishes is a pure function of stations, scenario, seed and start: no clock, no platform
//! mathematics, no order of a hash map reaches the bytes. Only [`clock`] reads the clock.

pub mod clock;
pub mod fleet;
pub mod json;
pub mod load;
pub mod mqtt;
pub mod phenomena;
pub mod replay;
pub mod scenario;
pub mod shipped;
pub mod span;
pub mod stations;
pub mod terrain;
