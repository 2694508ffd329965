//! The integration tests, one binary laid out like the parts they exercise.

mod journal;
