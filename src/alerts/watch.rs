//! Which rules watch which channel: resolved once when the rules or the catalogue change, so that a sample finds its
//! rules by one look into a dense table.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use crate::model::{AreaLevel, Catalogue, Channel, ChannelId, Freshness, Station, fresh_for};

use super::rules::{Condition, Join, Levels, Of, Part, Rule, Rules};
use super::signal::{Joined, JoinedPart, Member, Reading, Single};
use super::window::Need;
use super::{Key, Spot};

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
    /// The sample itself against levels: place in [`Watches::levels`].
    Levels(u32),
    Absence,
    /// Place in [`Watches::single`].
    Single(u32),
    /// One of several channels of a station: place in [`Watches::joined`].
    Part(u32),
    /// Counted for an area: place in [`Watches::member`].
    Member(u32),
    /// The area itself: place in [`Watches::levels`]. No channel has it.
    Area(u32),
}

/// A rule that counts stations, in one area.
#[derive(Clone, Copy, Debug, PartialEq)]
struct AreaWatch {
    levels: u32,
    /// The member that may take longest: as long as it is not overdue, the area is not.
    pace: ChannelId,
    muted: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watches {
    /// By channel, and one more: where its watches begin in the list.
    begin: Vec<u32>,
    /// By channel, then by rule.
    list: Vec<Watch>,
    /// Thresholds in the units of channels; few, so they stay in the processor's cache.
    levels: Vec<Levels>,
    singles: Vec<Single>,
    joined: Vec<Joined>,
    members: Vec<Member>,
    areas: BTreeMap<Key, AreaWatch>,
    /// How far back is looked on a channel; most are not here.
    needs: HashMap<ChannelId, Need>,
}

impl Watches {
    pub(super) fn resolve(rules: &Rules, catalogue: &Catalogue) -> Watches {
        let mut resolving = Resolving { catalogue, watches: Watches::default(), known: HashMap::new(), areas: None };
        // Few rules name a property: looked up once per property, not once per channel.
        let mut of_property = HashMap::<&str, Vec<u32>>::new();
        for (rule, number) in rules.list().iter().zip(0u32..).filter(|(rule, _)| rule.enabled) {
            for property in rule.properties() {
                let numbers = of_property.entry(property.as_str()).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
        }
        for channel in catalogue.channels() {
            let begin = resolving.watches.list.len();
            resolving.watches.begin.push(place(begin));
            let Some(station) = catalogue.station(channel.station).filter(|_| !channel.retired) else { continue };
            for number in of_property.get(channel.property.as_str()).into_iter().flatten() {
                let rule = &rules.list()[*number as usize];
                if rule.reaches(catalogue, station)
                    && let Some(sort) = resolving.sort(*number, rule, station, channel)
                {
                    let watch = Watch { rule: *number, sort, muted: station.maintenance, stirred: false };
                    resolving.watches.list.push(watch);
                }
            }
        }
        let mut watches = resolving.watches;
        watches.begin.push(place(watches.list.len()));
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

    pub(super) fn single(&self, place: u32) -> &Single {
        &self.singles[place as usize]
    }

    pub(super) fn joined(&self, place: u32) -> &Joined {
        &self.joined[place as usize]
    }

    pub(super) fn member(&self, place: u32) -> &Member {
        &self.members[place as usize]
    }

    /// How far back the rules on a channel look.
    pub(super) fn need(&self, channel: ChannelId) -> Option<Need> {
        self.needs.get(&channel).copied()
    }

    /// The levels that a machine stands for; none for absence and for several channels.
    pub(super) fn levels_of(&self, sort: Sort) -> Option<&Levels> {
        match sort {
            Sort::Levels(levels) | Sort::Area(levels) => Some(self.levels(levels)),
            Sort::Single(single) => Some(self.levels(self.single(single).levels)),
            Sort::Absence | Sort::Part(_) | Sort::Member(_) => None,
        }
    }

    /// The watch that a machine belongs to; `None` where there is none, and for a channel that is not the first of
    /// several.
    pub(super) fn find(&self, key: Key) -> Option<Watch> {
        match key.spot {
            Spot::Channel(channel) => {
                let found = self.list[self.of(channel)].iter().find(|watch| watch.rule == key.rule).copied()?;
                match found.sort {
                    Sort::Part(joined) if self.joined(joined).lead != channel => None,
                    Sort::Member(_) => None,
                    _ => Some(found),
                }
            }
            Spot::Area(_) => self.areas.get(&key).map(|area| {
                let sort = Sort::Area(area.levels);
                Watch { rule: key.rule, sort, muted: area.muted, stirred: true }
            }),
        }
    }

    /// Where the machine of a channel's watch stands: of several parts with the first one's channel.
    pub(super) fn lead(&self, key: Key) -> Key {
        let Spot::Channel(channel) = key.spot else { return key };
        let found = self.list[self.of(channel)].iter().find(|watch| watch.rule == key.rule);
        match found.map(|watch| watch.sort) {
            Some(Sort::Part(joined)) => Key { spot: Spot::Channel(self.joined(joined).lead), ..key },
            _ => key,
        }
    }

    /// The channel by whose interval and link a machine's data are late.
    pub(super) fn pace(&self, key: Key) -> Option<ChannelId> {
        match key.spot {
            Spot::Channel(channel) => Some(channel),
            Spot::Area(_) => self.areas.get(&key).map(|area| area.pace),
        }
    }

    /// Where the machine of a channel's watch stands: with the first of several channels, or with the area.
    pub(super) fn stand(&self, sort: Sort, key: Key) -> Key {
        match sort {
            Sort::Part(joined) => Key { spot: Spot::Channel(self.joined(joined).lead), ..key },
            Sort::Member(member) => Key { spot: Spot::Area(self.member(member).area), ..key },
            _ => key,
        }
    }

    pub(super) fn stir(&mut self, key: Key, stirred: bool) {
        let Spot::Channel(channel) = key.spot else { return };
        let range = self.of(channel);
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
            listening.map(move |watch| Key { rule: watch.rule, spot: Spot::Channel(channel) })
        })
    }

    /// Every channel that is counted and not muted, with the area's key.
    pub(super) fn counted(&self) -> impl Iterator<Item = (ChannelId, Key, &Member)> {
        let channels = (0..).map(ChannelId).take(self.begin.len().saturating_sub(1));
        channels.flat_map(move |channel| {
            let watches = self.list[self.of(channel)].iter().filter(|watch| !watch.muted);
            watches.filter_map(move |watch| {
                let Sort::Member(member) = watch.sort else { return None };
                let member = self.member(member);
                Some((channel, Key { rule: watch.rule, spot: Spot::Area(member.area) }, member))
            })
        })
    }
}

/// What has been made already, by rule and what else it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Made {
    /// Levels, in a unit.
    Levels(u32, crate::model::Unit),
    Single(u32, crate::model::Unit),
    /// Of a station; by the channel of the first part.
    Joined(u32, u32),
    Count(u32),
}

struct Resolving<'a> {
    catalogue: &'a Catalogue,
    watches: Watches,
    known: HashMap<Made, Option<u32>>,
    /// By tier: the place of the area that each area lies in. Made when a rule asks.
    areas: Option<HashMap<(AreaLevel, &'a str), u32>>,
}

impl Resolving<'_> {
    /// What a rule is to a channel that has one of its properties; `None` when it does not fit.
    fn sort(&mut self, number: u32, rule: &Rule, station: &Station, channel: &Channel) -> Option<Sort> {
        match &rule.condition {
            Condition::Absence { .. } => Some(Sort::Absence),
            Condition::Levels { of: Of::Sample, times: None, .. } => {
                self.levels(number, rule, channel).map(Sort::Levels)
            }
            Condition::Levels { .. } => self.single(number, rule, channel).map(Sort::Single),
            Condition::Joined { join, parts, .. } => {
                let made = Made::Joined(number, station.no.0);
                let joined = match self.known.get(&made) {
                    Some(joined) => *joined,
                    None => {
                        let resolved = self.join(*join, parts, station).map(|parts| {
                            let lead = parts.first().map_or(channel.id, |part| part.channel);
                            self.watches.joined.push(Joined { lead, join: *join, parts });
                            place(self.watches.joined.len() - 1)
                        });
                        *self.known.entry(made).or_insert(resolved)
                    }
                };
                joined.map(Sort::Part)
            }
            Condition::Count { per, part, levels, .. } => {
                let area = self.area_of(station, *per)?;
                let resolved = self.part(0, part, channel)?;
                let levels = *self.known.entry(Made::Count(number)).or_insert_with(|| {
                    self.watches.levels.push(levels.clone());
                    Some(place(self.watches.levels.len() - 1))
                });
                self.count(Key { rule: number, spot: Spot::Area(area) }, levels?, station, channel);
                let JoinedPart { reading, limit, .. } = resolved;
                self.watches.members.push(Member { area, reading, limit });
                Some(Sort::Member(place(self.watches.members.len() - 1)))
            }
        }
    }

    fn levels(&mut self, number: u32, rule: &Rule, channel: &Channel) -> Option<u32> {
        let watches = &mut self.watches;
        *self.known.entry(Made::Levels(number, channel.unit)).or_insert_with(|| {
            watches.levels.push(rule.levels_in(channel.unit)?);
            Some(place(watches.levels.len() - 1))
        })
    }

    fn single(&mut self, number: u32, rule: &Rule, channel: &Channel) -> Option<u32> {
        let Condition::Levels { of, times, .. } = &rule.condition else { return None };
        let levels = self.levels(number, rule, channel)?;
        let reading = self.reading(of, channel)?;
        if let Some(need) = Need::of(of, *times) {
            self.watches.needs.entry(channel.id).or_default().join(need);
        }
        let watches = &mut self.watches;
        *self.known.entry(Made::Single(number, channel.unit)).or_insert_with(|| {
            watches.singles.push(Single { levels, reading, times: *times });
            Some(place(watches.singles.len() - 1))
        })
    }

    /// Parts on their channels of a station: for `all` every one, for `any` those that it has; `None` otherwise.
    fn join(&mut self, join: Join, parts: &[Part], station: &Station) -> Option<Vec<JoinedPart>> {
        let catalogue = self.catalogue;
        let channel = |part: &Part| catalogue.channel_of(station, part.property.as_str()).filter(|it| !it.retired);
        let placed = parts.iter().zip(0u8..);
        let found: Vec<_> = placed.filter_map(|(part, place)| self.part(place, part, channel(part)?)).collect();
        let is_enough = match join {
            Join::All => found.len() == parts.len(),
            Join::Any => !found.is_empty(),
        };
        is_enough.then_some(found)
    }

    fn part(&mut self, place: u8, part: &Part, channel: &Channel) -> Option<JoinedPart> {
        let reading = self.reading(&part.of, channel)?;
        if let Some(need) = Need::of(&part.of, None) {
            self.watches.needs.entry(channel.id).or_default().join(need);
        }
        Some(JoinedPart { place, channel: channel.id, reading, limit: part.limit_in(channel.unit)? })
    }

    /// `None` for a difference to a channel that is not there, is this one, or measures something else.
    fn reading(&self, of: &Of, channel: &Channel) -> Option<Reading> {
        let Of::Difference { to } = of else { return Some(Reading { of: of.clone(), less: None }) };
        let other = self.catalogue.channel_of(self.catalogue.station_named(to.as_str())?, channel.property.as_str())?;
        let fits = !other.retired && other.id != channel.id && other.unit.convert(0.0, channel.unit).is_some();
        fits.then(|| Reading { of: of.clone(), less: Some(other.id) })
    }

    /// The place of the area of a tier that a station lies in.
    fn area_of(&mut self, station: &Station, level: AreaLevel) -> Option<u32> {
        let catalogue = self.catalogue;
        let areas = self.areas.get_or_insert_with(|| {
            let mut areas = HashMap::new();
            let numbered: HashMap<&str, u32> =
                catalogue.areas().iter().zip(0u32..).map(|(area, place)| (area.id.as_str(), place)).collect();
            for area in catalogue.areas() {
                for outer in catalogue.with_parents(&area.id) {
                    let Some(number) = numbered.get(outer.as_str()) else { continue };
                    let Some(outer) = catalogue.areas().get(*number as usize) else { continue };
                    areas.entry((outer.level, area.id.as_str())).or_insert(*number);
                }
            }
            areas
        });
        let areas: &HashMap<(AreaLevel, &str), u32> = areas;
        areas.get(&(level, station.area.as_ref()?.as_str())).copied()
    }

    /// Adds a member to an area.
    fn count(&mut self, key: Key, levels: u32, station: &Station, channel: &Channel) {
        let muted = station.maintenance;
        let here = AreaWatch { levels, pace: channel.id, muted };
        let area = self.watches.areas.entry(key).or_insert(here);
        let slowest = self.catalogue.channel(area.pace);
        let is_slower =
            slowest.is_none_or(|slowest| fresh_for(slowest, Freshness::Stale) < fresh_for(channel, Freshness::Stale));
        if !muted && (area.muted || is_slower) {
            area.pace = channel.id;
        }
        area.muted &= muted;
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
