//! Which stations work: now by their freshness, at a past moment by what the store holds of it, in a month or year by how
//! complete their samples are.
//!
//! At a past moment a channel works when it has a good sample that was at most as old as one may be that is late (two
//! intervals and the link's grace): as now, but sleep, death notices and maintenance windows of that time are not known
//! any more, and a sample that was handed in afterwards counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::{HashMap, HashSet};

use super::super::Parts;
use super::super::history::flow::Failure;
use super::super::problem::{Code, Problem};
use super::super::time::Zone;
use crate::coverage::{Config, Watcher};
use crate::history::{Bucket, Every, Function, Line, QualityRule, Question, Row};
use crate::model::{AreaId, Catalogue, Channel, Freshness, Station, StationKind, StationNo, Timestamp, fresh_for};
use crate::registry::Footprints;

/// Channels that one question looks at in the store.
const CHANNELS_MAX: usize = 20_000;

/// Whoever looks for working stations: everything of one moment.
pub struct Look {
    pub parts: Arc<Parts>,
    pub catalogue: Arc<Catalogue>,
    pub footprints: Arc<Footprints>,
    pub now: Timestamp,
    /// The moment; `None`: now.
    pub past: Option<Timestamp>,
    /// Whether nobody waits for the answer any more.
    pub gone: Arc<AtomicBool>,
}

impl Look {
    /// At `at`, or now.
    pub fn at(parts: Arc<Parts>, past: Option<Timestamp>, gone: Arc<AtomicBool>) -> Result<Look, Problem> {
        let catalogue = parts.state.read().catalogue.clone();
        let footprints = parts.registry.footprints().map_err(Problem::internal)?;
        let now = parts.clock.now();
        Ok(Look { parts, catalogue, footprints, now, past, gone })
    }

    /// Ends the work when nobody waits for it.
    pub fn go_on(&self) -> Result<(), Problem> {
        let is_gone = self.gone.load(Ordering::Relaxed);
        if is_gone { Err(Problem::new(Code::Unavailable, "nobody waits for the answer")) } else { Ok(()) }
    }

    /// The moment that is looked at.
    pub fn moment(&self) -> Timestamp {
        self.past.unwrap_or(self.now)
    }

    /// Stations with a footprint at the moment, and their watching channels; only those in service when it is now.
    /// Whether one of the past was in service then is another question.
    fn candidates(&self) -> impl Iterator<Item = (&Station, Vec<&Channel>)> {
        let config = self.parts.coverage.config();
        let stations = self.footprints.stations().into_iter().filter_map(|no| self.catalogue.station(no));
        stations.filter_map(move |station| {
            self.footprints.at(station.no, self.moment())?;
            let channels = station.channels.iter().filter_map(|id| self.catalogue.channel(*id));
            let watches = |channel: &&Channel| self.may_work(channel) && is_watching(config, channel);
            let channels: Vec<&Channel> = channels.filter(watches).collect();
            (!channels.is_empty()).then_some((station, channels))
        })
    }

    /// Whether a channel is observed, and in service when it is now that is looked at.
    fn may_work(&self, channel: &Channel) -> bool {
        !self.catalogue.is_derived(channel.id) && (self.past.is_some() || !channel.retired)
    }

    /// A station as it watched at an instant.
    fn watcher(&self, station: &Station, at: Timestamp) -> Option<Watcher> {
        let footprint = self.footprints.at(station.no, at)?.clone();
        let (position, _) = self.catalogue.place_at(station, at);
        Some(Watcher { station: station.no, position, footprint })
    }

    /// Everything that watches, working or not. At a past moment: what was in service by the record of changes, and what
    /// worked, as a station may have been there before it was entered.
    pub fn watchers_installed(&self, working: &[Watcher]) -> Vec<Watcher> {
        let worked: HashSet<StationNo> = working.iter().map(|watcher| watcher.station).collect();
        let is_installed = |station: &Station| match self.past {
            None => true,
            Some(at) => {
                worked.contains(&station.no) || self.footprints.in_service(station.no, at).unwrap_or(!station.retired)
            }
        };
        let installed = self.candidates().filter(|(station, _)| is_installed(station));
        installed.filter_map(|(station, _)| self.watcher(station, self.moment())).collect()
    }

    /// Everything that watches and works. Reads the store when it is the past.
    pub fn watchers_working(&self) -> Result<Vec<Watcher>, Problem> {
        let mut budget = Budget(CHANNELS_MAX);
        let mut found = Vec::new();
        for (station, channels) in self.candidates() {
            if self.any_works(&channels, &mut budget)? {
                found.extend(self.watcher(station, self.moment()));
            }
        }
        Ok(found)
    }

    /// The sorts of stations that work, by the commune that they stand in.
    pub fn kinds_working(&self) -> Result<HashMap<AreaId, HashSet<StationKind>>, Problem> {
        let mut budget = Budget(CHANNELS_MAX);
        let mut found: HashMap<AreaId, HashSet<StationKind>> = HashMap::new();
        for station in self.catalogue.stations() {
            let (_, area) = self.catalogue.place_at(station, self.moment());
            let Some(area) = area else { continue };
            if found.get(area).is_some_and(|kinds| kinds.contains(&station.kind)) {
                continue;
            }
            let channels = station.channels.iter().filter_map(|id| self.catalogue.channel(*id));
            let channels: Vec<&Channel> = channels.filter(|channel| self.may_work(channel)).collect();
            if self.any_works(&channels, &mut budget)? {
                found.entry(area.clone()).or_default().insert(station.kind);
            }
        }
        Ok(found)
    }

    fn any_works(&self, channels: &[&Channel], budget: &mut Budget) -> Result<bool, Problem> {
        let Some(at) = self.past else {
            let state = self.parts.state.read();
            let fresh =
                |channel: &&Channel| state.live.freshness(&self.catalogue, channel, self.now) <= Freshness::Late;
            return Ok(channels.iter().any(fresh));
        };
        self.go_on()?;
        for channel in channels {
            budget.take()?;
            let Some(lasts) = fresh_for(channel, Freshness::Late) else { continue };
            let after = std::time::Duration::from_micros(1);
            for sample in self.parts.store.range(channel.id, at - lasts, at + after) {
                if sample.map_err(Problem::internal)?.quality.is_good() {
                    return Ok(true);
                }
            }
            // After it was read: what was deleted meanwhile was not.
            let begin = self.parts.store.kept_since(channel.id).samples.map(|begin| begin + lasts);
            if let Some(begin) = begin.filter(|begin| at < *begin) {
                let begin = Zone::default().show(begin).to_string();
                let why = format!(
                    "samples of that time were deleted for their age: which stations worked is known from {begin} on"
                );
                return Err(Problem::parameter("at", why));
            }
        }
        Ok(false)
    }

    /// Month by month, or year by year: everything that watched, by how complete its samples are; and what lies before
    /// which was deleted for its age, when something that would be needed was.
    pub fn watchers_by_period(
        &self,
        every: Every,
        (from, to): (Timestamp, Timestamp),
        zone: &jiff::tz::TimeZone,
    ) -> Result<(Vec<Period>, Option<Timestamp>), Problem> {
        let question = Question {
            from,
            to,
            every,
            zone: zone.clone(),
            functions: vec![Function::Count],
            quality: QualityRule::Good,
            limit: None,
            now: self.now,
        };
        question.check().map_err(Failure::from)?;
        let history = &self.parts.history;
        // Whatever watches or watched: where it stood and what it watched is asked for each period.
        let stations = self.footprints.stations().into_iter().filter_map(|no| self.catalogue.station(no));
        let mut lines: Vec<(StationNo, Line)> = Vec::new();
        for station in stations {
            let channels = station.channels.iter().filter_map(|id| self.catalogue.channel(*id));
            for channel in channels.filter(|channel| is_watching(self.parts.coverage.config(), channel)) {
                let name = format!("{}/{}", station.id, channel.property);
                lines.push((station.no, history.line(&name, channel)));
            }
        }
        let plain: Vec<Line> = lines.iter().map(|(_, line)| line.clone()).collect();
        let permit = history.permit(&question, &plain).map_err(Failure::from)?;
        let mut periods: Vec<Heard> = question.buckets().map(Heard::of).collect();
        let kept_since = permit.plans.iter().filter_map(|plan| plan.whole_since).max();
        let question = Arc::new(question);
        let percent = u64::from(self.parts.coverage.config().completeness_percent);
        for ((station, line), plan) in lines.iter().zip(permit.plans) {
            self.go_on()?;
            let mut walk = history.walk(&question, line, plan, from);
            let mut rows: Vec<Row> = Vec::new();
            while walk.step(history.store(), &mut rows).map_err(Failure::from)? {}
            for (row, heard) in rows.iter().zip(&mut periods) {
                heard.has_begun |= row.count > 0;
                if row.expected > 0 && row.count * 100 >= row.expected * percent {
                    heard.working.insert(*station);
                }
                if plan.whole_since.is_some_and(|since| heard.bucket.begin < since) {
                    heard.cut.insert(*station);
                }
            }
        }
        // By the record; what was handed in before that shows that somebody watched already.
        let begun = lines.iter().map(|(station, _)| self.footprints.began(*station)).min();
        let mut has_begun = false;
        let told = periods.into_iter().map(|heard| {
            let last = heard.bucket.end.min(self.now) - std::time::Duration::from_micros(1);
            has_begun |= heard.has_begun || begun.is_some_and(|begun| begun.is_none_or(|begun| begun <= last));
            self.period(Heard { has_begun, ..heard }, last)
        });
        Ok((told.collect(), kept_since))
    }

    fn period(&self, heard: Heard, last: Timestamp) -> Period {
        let Heard { bucket, working, cut, has_begun } = heard;
        let watched = |no: &StationNo| self.footprints.at(*no, last).is_some();
        let unknown = if cut.difference(&working).any(watched) {
            Some(Unknown::Deleted)
        } else {
            (!has_begun).then_some(Unknown::NotBegun)
        };
        let mut working: Vec<StationNo> = working.into_iter().collect();
        working.sort();
        let stations = working.into_iter().filter_map(|no| self.catalogue.station(no));
        let watchers = stations.filter_map(|station| self.watcher(station, last)).collect();
        let is_partial = bucket.is_cut || bucket.end > self.now;
        Period { bucket, last, is_partial, unknown, watchers }
    }
}

/// What was handed in over a month or a year.
struct Heard {
    bucket: Bucket,
    /// Stations that worked.
    working: HashSet<StationNo>,
    /// Stations of whose samples some were deleted.
    cut: HashSet<StationNo>,
    /// Whether there was anybody who could watch: a station that was entered by then, or had handed in a good sample.
    has_begun: bool,
}

impl Heard {
    fn of(bucket: Bucket) -> Heard {
        Heard { bucket, working: HashSet::new(), cut: HashSet::new(), has_begun: false }
    }
}

/// A month or a year.
pub struct Period {
    pub bucket: Bucket,
    /// Its last instant, as far as it has come.
    pub last: Timestamp,
    /// Whether it is cut, or not over.
    pub is_partial: bool,
    /// Why it is not known how much was watched; `None` when it is.
    pub unknown: Option<Unknown>,
    /// What worked.
    pub watchers: Vec<Watcher>,
}

/// Why nobody can say how much was watched in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Samples were deleted that could have shown that more stations worked.
    Deleted,
    /// No station that watches had been entered, and none had handed in anything: nobody wrote down who watched.
    NotBegun,
}

impl Unknown {
    /// The word used in answers.
    pub fn word(self) -> &'static str {
        match self {
            Unknown::Deleted => "deleted",
            Unknown::NotBegun => "not_begun",
        }
    }
}

/// How many channels may still be looked at.
struct Budget(usize);

impl Budget {
    fn take(&mut self) -> Result<(), Problem> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| {
            let why = format!(
                "more than {CHANNELS_MAX} channels would be looked for at that moment: ask for the present, or for \
                 months with /api/v1/coverage/history"
            );
            Problem::new(Code::TooCostly, why)
        })?;
        Ok(())
    }
}

fn is_watching(config: &Config, channel: &Channel) -> bool {
    config.watching.contains(&channel.property)
}
