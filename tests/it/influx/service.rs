//! The whole service with its history in InfluxDB: an outage costs journal space and nothing else.

use std::time::{Duration, Instant};

use saola::model::Timestamp;

use super::scripted::{BUCKET, Deed, ORG, Scripted};
use crate::service::{DEVICE, Province, Service, Wishes, eventually};
