//! The simulators against a broker of the tests' own, one binary.

mod broker;
mod command;
mod fleet;
mod load;
mod publisher;
mod replay;
mod stations;
