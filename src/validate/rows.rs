//! Rows of history, checked together.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::{Config, check};
use crate::model::{Arrival, Catalogue, Rejection, Row, Rows, Sample, Timestamp};

/// What the checks made of rows.
#[derive(Debug, Default)]
pub struct CheckedRows<'a> {
    /// In the order of the rows; one for each channel and time.
    pub samples: Vec<Sample>,
    /// Readings whose channel and time come again further down: the last row is the one that counts, so that a file
    /// with two values for one time gives the same history however often it is read.
    pub replaced: u64,
    /// Rows with refusals, those of their decoding among them.
    pub refused: Vec<(Row<'a>, Vec<Rejection>)>,
}

/// Checks rows that a person brings in; `is_kept` refuses samples that history would not keep.
pub fn check_rows<'a>(
    config: &Config,
    catalogue: &Catalogue,
    rows: &Rows<'a>,
    received_at: Timestamp,
    is_kept: impl Fn(Sample) -> Result<Sample, Rejection>,
) -> CheckedRows<'a> {
    let mut checked = CheckedRows::default();
    let mut samples: Vec<Option<Sample>> = Vec::with_capacity(rows.readings.len());
    let mut places = HashMap::with_capacity(rows.readings.len());
    let mut readings = rows.readings.iter();
    let mut undecoded = rows.rejections.iter();
    for row in &rows.rows {
        let mut rejections: Vec<Rejection> = undecoded.by_ref().take(row.rejections).cloned().collect();
        for reading in readings.by_ref().take(row.readings) {
            let station = catalogue.station_named(&reading.station);
            match check(config, catalogue, station, reading, received_at, Arrival::Imported).and_then(&is_kept) {
                Err(rejection) => rejections.push(rejection),
                Ok(sample) => {
                    match places.entry((sample.channel, sample.observed_at)) {
                        Entry::Vacant(place) => drop(place.insert(samples.len())),
                        Entry::Occupied(mut place) => {
                            let here = samples.len();
                            samples[place.insert(here)] = None;
                            checked.replaced += 1;
                        }
                    }
                    samples.push(Some(sample));
                }
            }
        }
        if !rejections.is_empty() {
            checked.refused.push((*row, rejections));
        }
    }
    checked.samples = samples.into_iter().flatten().collect();
    checked
}
