//! Rules over stored history: the engine that is live, under entries made from stored samples.
//!
//! Every sample is taken as received at its own time, so late and imported ones count as if they had been in time, and
//! with the flags that it has now. Before the range the engine is warmed up by as much history as the rules look back.
//! The rules' channels stand in a small catalogue of their own; their samples come in the order of time over all
//! channels (`rows.rs`), in bounded memory. What would read too much is refused before anything is judged.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::account::{Account, MONTH_SECONDS, round};
use super::bench::Bench;
use super::error::TrialError;
use super::inputs;
use super::report::{Hole, Read, Report, RuleReport};
use super::rows::{self, Rows};
use super::threshold;
use crate::alerts::{Rule, Rules, rules::Condition};
use crate::model::{Catalogue, Channel, ChannelId, Policy, Sample, Span, Station, StationNo, Timestamp};
use crate::store::Store;

/// Time between two ticks where nothing in particular is due.
const TICK: Duration = Duration::from_secs(60);
/// Groups of samples between two looks at what happened.
const GROUPS_AT_ONCE: usize = 4_096;
/// Judging the samples of a trial once costs about a third of reading them, so thresholds may be tried more often.
const TRIES_ALLOWED: u64 = 16;
/// Rules tried at once: the shipped ones twice over.
const RULES_AT_ONCE: usize = 100;
/// Channels named in a report because they miss most.
const WORST_SHOWN: usize = 10;

/// What is to be tried.
pub struct Asked<'a> {
    /// What stands where.
    pub catalogue: &'a Catalogue,
    /// When devices sleep.
    pub policy: &'a Policy,
    /// The rules on trial.
    pub rules: Rules,
    /// The rules in force: those of the same names are tried beside them when they differ.
    pub in_force: Rules,
    /// From this time on.
    pub from: Timestamp,
    /// Up to and without this time.
    pub to: Timestamp,
    /// Nothing is expected after it.
    pub now: Timestamp,
    /// The zone of months, and of times in the report.
    pub zone: TimeZone,
    /// Alerts a month for which a threshold is wished.
    pub alerts_per_month: Option<f64>,
    /// Samples that may be judged at once.
    pub samples_max: u64,
}

/// The parts of the history that the rules look at.
pub(super) struct Field {
    /// With numbers of its own.
    pub catalogue: Catalogue,
    /// Stored channels, by their number there.
    pub stored: Vec<ChannelId>,
    /// From where the engine is warmed up.
    pub begin: Timestamp,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What a channel said since the report begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    pub samples: u64,
    pub flagged: u64,
    /// Least and greatest good value.
    pub values: Option<(f64, f64)>,
}

/// Tries rules. `reaches` says which stations may be told of; `stop` ends it soon.
pub fn backtest(
    store: &Store,
    asked: &Asked<'_>,
    reaches: impl Fn(&Station) -> bool,
    stop: &AtomicBool,
) -> Result<Report, TrialError> {
    let to = asked.to.min(asked.now);
    if asked.from >= to {
        return Err(TrialError::Range { from: asked.from, to });
    }
    let rules_count = asked.rules.list().len();
    if rules_count > RULES_AT_ONCE {
        return Err(TrialError::TooManyRules { rules: rules_count, max: RULES_AT_ONCE });
    }
    let has_latched = asked.rules.list().iter().any(|rule| rule.latched);
    let (rules, in_force) = (unlatched(&asked.rules), unlatched(&asked.in_force));
    let asked = &Asked { rules, in_force, zone: asked.zone.clone(), ..*asked };
    let before = differing(&asked.rules, &asked.in_force);
    let field = Field::of(asked, &before, to, reaches)?;
    let benches = 1 + u64::from(!before.list().is_empty());
    let samples = permit(store, &field, asked.samples_max, benches)?;
    if asked.alerts_per_month.is_some() {
        threshold::check(&asked.rules)?;
        let (tried, max) = (samples.saturating_mul(threshold::RUNS), asked.samples_max.saturating_mul(TRIES_ALLOWED));
        if tried > max {
            return Err(too_costly(tried, max));
        }
    }

    let mut heard = vec![Heard::default(); field.stored.len()];
    let versions = [asked.rules.clone(), before];
    let versions: Vec<Rules> = versions.into_iter().filter(|rules| !rules.list().is_empty()).collect();
    let mut accounts = field.run(store, asked, &versions, &mut heard, stop)?.into_iter();
    let (mut now, mut then) = (accounts.next().unwrap_or_default(), accounts.next().unwrap_or_default());
    let mut rules = Vec::new();
    for rule in asked.rules.list() {
        let numbers = |accounts: &mut BTreeMap<String, Account>| {
            accounts.remove(&rule.name).map(|account| account.numbers(field.from, field.to))
        };
        let suggestion = match asked.alerts_per_month {
            Some(wish) => Some(threshold::suggest(store, asked, &field, rule, &heard, wish, stop)?),
            None => None,
        };
        rules.push(RuleReport {
            rule: rule.name.clone(),
            read: field.read(rule, &heard),
            numbers: numbers(&mut now).unwrap_or_default(),
            before: numbers(&mut then),
            suggestion,
        });
    }
    let mut notes = notes_of(&asked.rules, &field);
    if has_latched {
        notes.push("a latched alert is over when its condition is, as nobody closes it here".to_owned());
    }
    let shown = |at: Timestamp| at.to_jiff().to_zoned(asked.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    let months = round(to.since(field.from).as_secs_f64() / MONTH_SECONDS);
    Ok(Report { from: shown(field.from), to: shown(to), months, rules, notes })
}

/// Nobody closes a latched alert here: it is over when its condition is.
fn unlatched(rules: &Rules) -> Rules {
    Rules::of(rules.list().iter().map(|rule| Rule { latched: false, ..rule.clone() }).collect())
}

/// The rules in force that have a namesake on trial that says something else.
fn differing(tried: &Rules, in_force: &Rules) -> Rules {
    let differs = |rule: &&Rule| {
        let same = |other: &Rule| Rule { file: other.file.clone(), ..(*rule).clone() } == *other;
        tried.named(&rule.name).is_some_and(|other| !same(other))
    };
    Rules::of(in_force.list().iter().filter(differs).cloned().collect())
}

/// About how many samples are judged; refuses what is too much. Estimated from intervals first, then from where the
/// channels' history begins and ends.
fn permit(store: &Store, field: &Field, max: u64, benches: u64) -> Result<u64, TrialError> {
    let expected = |from: Timestamp, to: Timestamp, channel: &Channel| {
        let interval = channel.interval.as_micros().max(1);
        u64::try_from(to.since(from).as_micros() / interval).unwrap_or(u64::MAX)
    };
    let channels = || field.catalogue.channels().iter();
    let all = channels().map(|channel| expected(field.begin, field.to, channel)).fold(0, u64::saturating_add);
    if all.saturating_mul(benches) <= max {
        return Ok(all);
    }
    let mut samples: u64 = 0;
    for (channel, stored) in channels().zip(&field.stored) {
        let Some(first) = store.range(*stored, field.begin, field.to).next().transpose()? else { continue };
        let last = store.last(*stored)?.map_or(field.to, |last| last.observed_at.min(field.to));
        samples = samples.saturating_add(expected(first.observed_at, last, channel).saturating_add(1));
    }
    if samples.saturating_mul(benches) <= max {
        Ok(samples)
    } else {
        Err(too_costly(samples.saturating_mul(benches), max))
    }
}

fn too_costly(samples: u64, max: u64) -> TrialError {
    let narrow = "ask for a shorter time, or give the rule fewer channels by `stations`, `area` or `kind`; \
        the limit is `history.samples_max`";
    TrialError::TooCostly { samples, max, narrow: narrow.to_owned() }
}

fn notes_of(rules: &Rules, field: &Field) -> Vec<String> {
    let mut notes = vec![
        "samples count as received at their own time: late and imported ones as if they had been in time".to_owned(),
        "stations stand where they stand now; maintenance is known by the samples' flags alone".to_owned(),
    ];
    if field.begin < field.from {
        let warm = Span::from(field.from.since(field.begin));
        notes.push(format!("the engine was warmed up over the {warm} before, as the rules look back so far"));
    }
    if rules.list().iter().any(|rule| matches!(rule.condition, Condition::Absence { .. })) {
        notes.push("times in which the service itself was down count as silence here, and live they do not".to_owned());
    }
    notes
}

impl Field {
    fn of(
        asked: &Asked<'_>,
        before: &Rules,
        to: Timestamp,
        reaches: impl Fn(&Station) -> bool,
    ) -> Result<Field, TrialError> {
        let rules = || asked.rules.list().iter().chain(before.list());
        let mut is_watched = false;
        let (mut stations, mut channels, mut stored) = (Vec::new(), Vec::<Channel>::new(), Vec::new());
        for station in asked.catalogue.stations().iter().filter(|station| !station.retired && reaches(station)) {
            let no = StationNo(stations.len() as u32);
            let first = channels.len() as u32;
            for channel in station.channels.iter().filter_map(|id| asked.catalogue.channel(*id)) {
                let is_read = |rule: &Rule| inputs::reads(rule, asked.catalogue, station, channel);
                is_watched |= asked.rules.list().iter().any(is_read);
                if rules().any(is_read) {
                    let id = ChannelId(channels.len() as u32);
                    stored.push(channel.id);
                    channels.push(Channel { id, station: no, ..channel.clone() });
                }
            }
            if channels.len() as u32 > first {
                let numbers = (first..channels.len() as u32).map(ChannelId).collect();
                stations.push(Station { no, maintenance: false, channels: numbers, ..station.clone() });
            }
        }
        if !is_watched {
            return Err(TrialError::NothingWatched);
        }
        let areas = asked.catalogue.areas().to_vec();
        let catalogue = Catalogue::new(vec!["trial".to_owned()], areas, stations, channels);
        // Numbers were given out here, in order.
        let catalogue = catalogue.map_err(|_| TrialError::NothingWatched)?;
        let read_by = |rule: &Rule, channel: &Channel| {
            let station = catalogue.station(channel.station);
            station.is_some_and(|station| inputs::reads(rule, &catalogue, station, channel))
        };
        let looks_back = rules().map(|rule| {
            let read = catalogue.channels().iter().filter(|channel| read_by(rule, channel));
            inputs::looks_back(rule, read)
        });
        let looks_back = looks_back.max().unwrap_or_default();
        Ok(Field { catalogue, stored, begin: asked.from - looks_back, from: asked.from, to })
    }

    /// Judges the whole by each of several sets of rules, reading once. Gives the accounts by rule.
    pub(super) fn run(
        &self,
        store: &Store,
        asked: &Asked<'_>,
        versions: &[Rules],
        heard: &mut [Heard],
        stop: &AtomicBool,
    ) -> Result<Vec<BTreeMap<String, Account>>, TrialError> {
        let bench = |rules: &Rules| Bench::new(self.catalogue.clone(), asked.policy, rules.clone(), self.begin, TICK);
        let mut benches: Vec<Bench> = versions.iter().map(bench).collect();
        let mut accounts: Vec<BTreeMap<String, Account>> = versions.iter().map(|_| BTreeMap::new()).collect();
        let note = |bench: &mut Bench, accounts: &mut BTreeMap<String, Account>| {
            for transition in bench.take() {
                let account = accounts.entry(transition.alert.rule.clone()).or_default();
                account.note(&transition, bench.catalogue(), self.from, &asked.zone);
            }
        };
        let window = rows::window(&self.catalogue, self.begin, self.to);
        let rows = Rows { store, channels: self.stored.clone(), from: self.begin, to: self.to, window };
        rows.each(stop, |samples, end| {
            self.count(samples, heard);
            for (bench, accounts) in benches.iter_mut().zip(&mut accounts) {
                let groups = samples.chunk_by(|a, b| a.observed_at == b.observed_at);
                for (place, group) in groups.enumerate() {
                    bench.hear(group[0].observed_at, group.to_vec());
                    if place % GROUPS_AT_ONCE == 0 {
                        note(bench, accounts);
                    }
                }
                // The last instant of a window belongs to the next one.
                bench.pass(end - Duration::from_micros(1));
                note(bench, accounts);
            }
        })?;
        for (bench, accounts) in benches.iter_mut().zip(&mut accounts) {
            bench.end_at(self.to);
            note(bench, accounts);
        }
        Ok(accounts)
    }

    fn count(&self, samples: &[Sample], heard: &mut [Heard]) {
        for sample in samples.iter().filter(|sample| sample.observed_at >= self.from) {
            let Some(heard) = heard.get_mut(sample.channel.index()) else { continue };
            heard.samples += 1;
            if sample.quality.is_good() {
                let (least, greatest) = heard.values.unwrap_or((sample.value, sample.value));
                heard.values = Some((least.min(sample.value), greatest.max(sample.value)));
            } else {
                heard.flagged += 1;
            }
        }
    }

    /// What a rule was judged by.
    fn read(&self, rule: &Rule, heard: &[Heard]) -> Read {
        let (mut read, mut whole, mut holes, mut last) = (empty(), 0u64, Vec::new(), None);
        for (channel, heard) in self.catalogue.channels().iter().zip(heard) {
            let Some(station) = self.catalogue.station(channel.station) else { continue };
            if !inputs::reads(rule, &self.catalogue, station, channel) {
                continue;
            }
            let interval = channel.interval.as_micros().max(1);
            let expected = u64::try_from(self.to.since(self.from).as_micros() / interval).unwrap_or(u64::MAX);
            read.stations += u64::from(last.replace(station.no) != Some(station.no));
            read.channels += 1;
            if heard.samples == 0 {
                read.silent += 1;
                continue;
            }
            read.samples += heard.samples;
            read.flagged += heard.flagged;
            read.expected += expected;
            whole += heard.samples.min(expected);
            if heard.samples < expected {
                let channel = format!("{}/{}", station.id, channel.property);
                holes.push(Hole { channel, samples: heard.samples, expected });
            }
        }
        let share = |hole: &Hole| hole.samples as f64 / hole.expected.max(1) as f64;
        holes.sort_by(|a, b| share(a).total_cmp(&share(b)).then_with(|| a.channel.cmp(&b.channel)));
        holes.truncate(WORST_SHOWN);
        let completeness = (read.expected > 0).then(|| whole as f64 / read.expected as f64);
        read.meaning = meaning(completeness, read.flagged, read.samples);
        Read { completeness: completeness.map(|share| (share * 10_000.0).round() / 10_000.0), worst: holes, ..read }
    }
}

fn empty() -> Read {
    Read {
        stations: 0,
        channels: 0,
        silent: 0,
        samples: 0,
        flagged: 0,
        expected: 0,
        completeness: None,
        meaning: String::new(),
        worst: Vec::new(),
    }
}

/// What missing rows mean, in a sentence.
fn meaning(completeness: Option<f64>, flagged: u64, samples: u64) -> String {
    let mut parts = Vec::new();
    match completeness {
        None => parts.push("no channel has data to be expected: the numbers say nothing".to_owned()),
        Some(share) if share >= 0.999 => parts.push("nothing is missing".to_owned()),
        Some(share) if share >= 0.9 => parts.push(
            "while rows are missing nothing is raised by them: the true numbers may be a little higher".to_owned(),
        ),
        Some(share) => parts.push(format!(
            "much is missing, and nothing is raised while it is: with whole data expect up to {:.1} times as many alerts, \
             if gaps are like the rest",
            1.0 / share.max(1e-6)
        )),
    }
    if flagged * 20 > samples {
        parts.push("more than one sample in twenty is flagged and was left aside".to_owned());
    }
    parts.join("; ")
}
