//! Which rules watch which channel: resolved once when the rules or the catalogue change, so that a sample finds its
//! rules by one look into a dense table.

use crate::model::{Catalogue, ChannelId};

use super::Key;
use super::rules::{Condition, Levels, Rules};

/// One rule on one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Watch {
    /// Place in the rules.
    pub rule: u32,
    pub sort: Sort,
    /// The station is under maintenance: heard, not judged.
    pub muted: bool,
    /// There is a machine for it.
    pub stirred: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sort {
    /// Place in [`Watches::levels`].
    Levels(u32),
    Absence,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watches {
    /// By channel, and one more: where its watches begin in the list.
    begin: Vec<u32>,
    /// By channel, then by rule.
    list: Vec<Watch>,
    /// Thresholds in the units of channels; few, so they stay in the processor's cache.
    levels: Vec<Levels>,
}

impl Watches {
    pub(super) fn resolve(rules: &Rules, catalogue: &Catalogue) -> Watches {
        let mut watches = Watches::default();
        // Few rules name a property: looked up once per property, not once per channel.
        let mut of_property = hashbrown::HashMap::<&str, Vec<u32>>::new();
        for (rule, number) in rules.list().iter().zip(0u32..) {
            of_property.entry(rule.property.as_str()).or_default().push(number);
        }
        let mut place_of_levels = hashbrown::HashMap::new();
        for channel in catalogue.channels() {
            watches.begin.push(u32::try_from(watches.list.len()).unwrap_or(u32::MAX));
            let Some(station) = catalogue.station(channel.station) else { continue };
            for number in of_property.get(channel.property.as_str()).into_iter().flatten() {
                let rule = &rules.list()[*number as usize];
                if !rule.covers(catalogue, station, channel) {
                    continue;
                }
                let sort = match rule.condition {
                    Condition::Absence { .. } => Sort::Absence,
                    Condition::Levels { .. } => {
                        let Some(levels) = rule.levels_in(channel.unit) else { continue };
                        let place = place_of_levels.entry((*number, channel.unit)).or_insert_with(|| {
                            watches.levels.push(levels);
                            watches.levels.len() - 1
                        });
                        Sort::Levels(u32::try_from(*place).unwrap_or(u32::MAX))
                    }
                };
                watches.list.push(Watch { rule: *number, sort, muted: station.maintenance, stirred: false });
            }
        }
        watches.begin.push(u32::try_from(watches.list.len()).unwrap_or(u32::MAX));
        watches
    }

    /// The places of a channel's watches; empty for a channel that there is not.
    pub(super) fn of(&self, channel: ChannelId) -> std::ops::Range<usize> {
        let at = |place: usize| self.begin.get(place).map_or(0, |begin| *begin as usize);
        let begin = at(channel.index());
        begin..at(channel.index() + 1).max(begin)
    }

    pub(super) fn at(&self, place: usize) -> Watch {
        self.list[place]
    }

    pub(super) fn levels(&self, place: u32) -> &Levels {
        &self.levels[place as usize]
    }

    pub(super) fn find(&self, key: Key) -> Option<Watch> {
        self.list[self.of(key.channel)].iter().find(|watch| watch.rule == key.rule).copied()
    }

    pub(super) fn stir(&mut self, key: Key, stirred: bool) {
        let range = self.of(key.channel);
        if let Some(watch) = self.list[range].iter_mut().find(|watch| watch.rule == key.rule) {
            watch.stirred = stirred;
        }
    }

    /// Everything that watches for absence and is not muted.
    pub(super) fn absences(&self) -> impl Iterator<Item = Key> {
        let channels = (0..).map(ChannelId).take(self.begin.len().saturating_sub(1));
        channels.flat_map(|channel| {
            let watches = self.list[self.of(channel)].iter();
            let listening = watches.filter(|watch| watch.sort == Sort::Absence && !watch.muted);
            listening.map(move |watch| Key { rule: watch.rule, channel })
        })
    }
}
