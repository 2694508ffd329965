//! The integration tests, one binary laid out like the parts they exercise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod api;
mod registry;
mod tidy;
