//! What devices say of themselves, as it is kept in the journal. Births asked for and repetitions are not: they are
//! counted only.

use crate::decode::{Event, Told};
use crate::model::{Catalogue, DeviceFact, Said};

/// How much of a sender's own name of a device is kept.
const DEVICE_BYTES_MAX: usize = 200;

/// What is to be kept of what devices said of themselves.
pub(super) fn facts(catalogue: &Catalogue, told: &[Told<'_>]) -> Vec<DeviceFact> {
    let fact = |told: &Told<'_>| {
        let said = match &told.event {
            Event::Joined { .. } => Said::Joined,
            Event::Silent { .. } => Said::Silent,
            Event::Gap { missed, .. } => Said::Missed(*missed),
            Event::Rebirth { .. } | Event::Repeated { .. } => return None,
        };
        let station = told.station.as_ref().and_then(|name| catalogue.station_named(name)).map(|station| station.no);
        let name = told.event.device();
        let end = (0..=name.len().min(DEVICE_BYTES_MAX)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
        Some(DeviceFact { device: name[..end].to_owned(), station, said })
    };
    told.iter().filter_map(fact).collect()
}
