//! The way in of values that Saola computes itself: judged, remembered and journaled like a device's.

use super::{Gate, Pipeline};
use crate::model::{
    Body, Corrections, DerivedValue, DeviceReport, Message, Refusal, Sample, Seq, SourceId, TimeClass, Timestamp,
};
use crate::validate::{self, Judgement};

impl Pipeline {
    /// Takes values for times that had none; one that is known already with the same value is a duplicate. None is
    /// taken when there is no room.
    pub fn derive(&self, source: SourceId, now: Timestamp, values: &[DerivedValue]) -> Result<Seq, Refusal> {
        if !self.journal.has_room() || self.store_lags() {
            return Err(Refusal::Full);
        }
        let mut gate = self.gate.lock();
        let Gate { catalogue, seen, judge, last } = &mut *gate;
        let (seq, stored_through) = (last.next(), self.store.remembers_through());
        let (mut samples, mut duplicates) = (Vec::with_capacity(values.len()), 0);
        for value in values {
            // A catalogue that came meanwhile may have taken the channel away.
            let Some(channel) = catalogue.channel(value.channel).filter(|channel| !channel.retired) else { continue };
            let by_age = validate::classify(&self.validate, channel, now.since(value.at));
            let time_class = match (by_age, value.class) {
                (TimeClass::Live, class) => class,
                (by_age, _) => by_age,
            };
            let (observed_at, quality) = (value.at, value.quality);
            let sample = Sample { channel: channel.id, observed_at, value: value.value, quality, time_class };
            if self.store.is_deleted(sample.channel, observed_at) {
                continue;
            }
            match seen.judge(&sample, |channel, at| self.stored(channel, at)) {
                Judgement::Duplicate => duplicates += 1,
                Judgement::New | Judgement::Correction => {
                    judge.remember(&sample, now);
                    seen.remember(&sample, seq, stored_through);
                    samples.push(sample);
                }
            }
        }
        if samples.is_empty() && duplicates == 0 {
            return Ok(gate.last);
        }
        let received = samples.len() as u32 + duplicates;
        let (rejections, unknown) = (Vec::new(), Vec::new());
        let message = Message { source, received, duplicates, samples, rejections, raw: None, unknown, again: None };
        let report = DeviceReport { source, facts: Vec::new() };
        self.enter(gate, now, message, report, Vec::new()).map(|(seq, _)| seq)
    }

    /// Journals what other inputs made of values that are there: what they replace is kept, and no alert hears of it.
    pub fn derive_again(&self, now: Timestamp, values: &[DerivedValue]) -> Result<Seq, Refusal> {
        let sample = |value: &DerivedValue| {
            let DerivedValue { channel, at: observed_at, value, quality, class: time_class } = *value;
            Sample { channel, observed_at, value, quality, time_class }
        };
        let (author, reason) = (Corrections::INDICES.to_owned(), "computed anew from other inputs".to_owned());
        let samples = values.iter().map(sample).collect();
        self.note(now, &Body::Corrections(Corrections { author, reason, samples }))
    }
}
