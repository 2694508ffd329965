//! The simulators against a broker of the tests' own, one binary.

mod broker;
mod fleet;
mod load;
mod publisher;
mod replay;
