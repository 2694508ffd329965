//! What goes into entries beside the values themselves: flags, what devices said of themselves, and the words of a row
//! that was refused.

use super::IMPORT_TOPIC;
use crate::decode::{Event, Told};
use crate::model::{
    Catalogue, DeviceFact, Message, Quality, RawCopy, Rejection, Row, Said, Sample, SourceId, Station, TimeClass,
    Timestamp,
};
use crate::quality::Judge;

/// How much of a sender's own name of a device is kept.
const DEVICE_BYTES_MAX: usize = 200;

/// Sets a sample's flags; the one before it, when that was a spike.
#[inline]
pub(super) fn flag(
    judge: &Judge,
    station: Option<&Station>,
    sample: &mut Sample,
    received_at: Timestamp,
) -> Option<Sample> {
    let station = station?;
    // The switch says what is so now, and nothing of history; windows are judged by the sample's own time.
    if station.maintenance && matches!(sample.time_class, TimeClass::Live | TimeClass::Late) {
        sample.quality = sample.quality.with(Quality::MAINTENANCE);
    }
    let found = judge.judge(sample, station.no, received_at);
    sample.quality = sample.quality.with(found.flags);
    found.spike
}

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

/// The message that becomes the dead letter of a row.
pub(super) fn refused_row(source: SourceId, file: &str, row: &Row<'_>, rejections: Vec<Rejection>) -> Message {
    let raw = RawCopy { topic: format!("{IMPORT_TOPIC}{file}:{}", row.line), payload: row.text.to_vec() };
    Message {
        source,
        received: rejections.len() as u32,
        duplicates: 0,
        samples: Vec::new(),
        rejections,
        raw: Some(raw),
        unknown: Vec::new(),
        again: None,
    }
}
