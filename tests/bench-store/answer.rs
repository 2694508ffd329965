//! The questions, and what must be answered: computed from the measurements themselves while they are made.
//!
//! Every store's answer is brought into one form, rows of a key and figures, and compared row by row. Counts, instants
//! and values must be equal, means to a millionth.

use std::collections::BTreeMap;

use crate::data::{self, AREAS, BEGIN, DAY_SECONDS, Extent, HOUR_SECONDS, PROPERTIES, RANKED};

/// Stations that the questions about one station take in turn.
pub const PROBES: u32 = 8;
/// Stations in a ranking.
pub const BEST: usize = 10;
/// Relative to the figure, or absolute below 1.
const TOLERANCE: f64 = 1e-6;

/// Rows of an answer. What a key means is told at each [`Question`].
pub type Answer = BTreeMap<[i64; 3], Vec<f64>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Not timed: how many values there are. Station, property -> count.
    Counts,
    /// The samples of the last 24 hours of one station. Property, instant -> value.
    Raw(u32),
    /// The hourly means of one station over the whole time. Property, hour -> mean.
    Hourly(u32),
    /// The hourly mean and maximum of the samples of all stations of an area. Area, property, hour -> mean, maximum.
    Areas,
    /// The latest of every channel. Station, property -> instant, value.
    Latest,
    /// On each day the ten stations with the highest mean of one property. Day, station -> mean.
    Best,
}

impl Question {
    /// The five that are timed; those about one station about each probe.
    pub fn all(extent: Extent) -> [(&'static str, Vec<Question>); 5] {
        let probes = probes(extent);
        [
            ("24 h raw of one station", probes.iter().copied().map(Question::Raw).collect()),
            ("hourly mean of one station", probes.iter().copied().map(Question::Hourly).collect()),
            ("hourly mean and max by area", vec![Question::Areas]),
            ("latest of all", vec![Question::Latest]),
            ("top ten by daily mean", vec![Question::Best]),
        ]
    }

    /// From when on the question about raw samples asks.
    pub fn raw_since(extent: Extent) -> i64 {
        (extent.end() - DAY_SECONDS).max(BEGIN)
    }
}

/// The stations asked about, far from each other.
pub fn probes(extent: Extent) -> Vec<u32> {
    let count = PROBES.min(extent.stations);
    (0..count).map(|probe| probe * (extent.stations / count) + extent.stations / count / 2).collect()
}

#[derive(Clone, Copy, Default)]
struct Sum {
    count: u64,
    /// In units of the last decimal: exact.
    sum: i64,
    max: i32,
}

impl Sum {
    fn add(&mut self, value: i32) {
        self.max = if self.count == 0 { value } else { self.max.max(value) };
        self.count += 1;
        self.sum += i64::from(value);
    }

    fn mean(&self, property: usize) -> f64 {
        self.sum as f64 / self.count as f64 / unit(property)
    }
}

fn unit(property: usize) -> f64 {
    10f64.powi(PROPERTIES[property].1 as i32)
}

/// What is right.
pub struct Expected {
    extent: Extent,
    pub values: u64,
    counts: Vec<u64>,
    raw: BTreeMap<u32, Answer>,
    hourly: BTreeMap<u32, BTreeMap<[i64; 3], Sum>>,
    areas: Vec<Sum>,
    latest: Vec<data::Message>,
    daily: Vec<Sum>,
}

impl Expected {
    /// Makes all measurements once and sums them up.
    pub fn of(extent: Extent) -> Expected {
        let (hours, days) = (extent.buckets(HOUR_SECONDS).count(), extent.buckets(DAY_SECONDS).count());
        let mut expected = Expected {
            extent,
            values: 0,
            counts: vec![0; extent.stations as usize],
            raw: probes(extent).into_iter().map(|probe| (probe, Answer::new())).collect(),
            hourly: probes(extent).into_iter().map(|probe| (probe, BTreeMap::new())).collect(),
            areas: vec![Sum::default(); hours * AREAS as usize * PROPERTIES.len()],
            latest: Vec::new(),
            daily: vec![Sum::default(); days * extent.stations as usize],
        };
        let mut latest = vec![None::<data::Message>; extent.stations as usize];
        for message in extent.messages() {
            expected.add(&message, hours, days);
            let known = &mut latest[message.station as usize];
            if known.is_none_or(|known| known.at < message.at) {
                *known = Some(message);
            }
        }
        expected.latest = latest.into_iter().flatten().collect();
        assert_eq!(expected.latest.len(), extent.stations as usize, "a station sent nothing at all");
        let since = extent.latest_since();
        assert!(expected.latest.iter().all(|message| message.at >= since), "a station was silent for too long");
        expected
    }

    fn add(&mut self, message: &data::Message, hours: usize, days: usize) {
        let station = message.station as usize;
        let hour = ((message.at - BEGIN) / HOUR_SECONDS) as usize;
        let day = ((message.at - BEGIN) / DAY_SECONDS) as usize;
        self.values += PROPERTIES.len() as u64;
        self.counts[station] += 1;
        self.daily[station * days + day].add(message.values[RANKED]);
        let area = data::area_of(message.station) as usize;
        for (property, value) in message.values.into_iter().enumerate() {
            self.areas[(area * PROPERTIES.len() + property) * hours + hour].add(value);
        }
        let Some(hourly) = self.hourly.get_mut(&message.station) else { return };
        for (property, value) in message.values.into_iter().enumerate() {
            hourly.entry([property as i64, BEGIN + hour as i64 * HOUR_SECONDS, 0]).or_default().add(value);
        }
        if message.at >= Question::raw_since(self.extent) {
            let raw = self.raw.get_mut(&message.station).expect("the same stations are asked about both");
            for property in 0..PROPERTIES.len() {
                raw.insert([property as i64, message.at, 0], vec![message.value(property)]);
            }
        }
    }

    pub fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Counts => self.per_channel(|station, _| vec![self.counts[station as usize] as f64]),
            Question::Raw(probe) => self.raw[&probe].clone(),
            Question::Hourly(probe) => {
                let hourly = self.hourly[&probe].iter();
                hourly.map(|(key, sum)| (*key, vec![sum.mean(key[0] as usize)])).collect()
            }
            Question::Areas => self.by_area(),
            Question::Latest => self.per_channel(|station, property| {
                let message = &self.latest[station as usize];
                vec![message.at as f64, message.value(property)]
            }),
            Question::Best => self.best(),
        }
    }

    fn per_channel(&self, figures: impl Fn(u32, usize) -> Vec<f64>) -> Answer {
        let stations = 0..self.extent.stations;
        let channels = stations.flat_map(|station| (0..PROPERTIES.len()).map(move |property| (station, property)));
        channels
            .map(|(station, property)| ([i64::from(station), property as i64, 0], figures(station, property)))
            .collect()
    }

    fn by_area(&self) -> Answer {
        let hours: Vec<i64> = self.extent.buckets(HOUR_SECONDS).collect();
        let rows = self.areas.iter().enumerate().filter(|(_, sum)| sum.count > 0);
        rows.map(|(place, sum)| {
            let (series, hour) = (place / hours.len(), hours[place % hours.len()]);
            let (area, property) = (series / PROPERTIES.len(), series % PROPERTIES.len());
            let figures = vec![sum.mean(property), f64::from(sum.max) / unit(property)];
            ([area as i64, property as i64, hour], figures)
        })
        .collect()
    }

    fn best(&self) -> Answer {
        let days: Vec<i64> = self.extent.buckets(DAY_SECONDS).collect();
        let mut rows = Answer::new();
        for (place, day) in days.iter().enumerate() {
            let sums =
                (0..self.extent.stations).map(|station| (station, self.daily[station as usize * days.len() + place]));
            let mut means: Vec<(f64, u32)> =
                sums.filter(|(_, sum)| sum.count > 0).map(|(station, sum)| (sum.mean(RANKED), station)).collect();
            means.sort_by(|one, other| other.0.total_cmp(&one.0));
            let last_two = means.get(BEST - 1).zip(means.get(BEST));
            assert!(
                last_two.is_none_or(|(in_it, out)| in_it.0 - out.0 > TOLERANCE),
                "the tenth place of a day is shared: choose another seed"
            );
            rows.extend(means.iter().take(BEST).map(|(mean, station)| ([*day, i64::from(*station), 0], vec![*mean])));
        }
        rows
    }

    /// Where an answer first differs from the right one.
    pub fn check(&self, question: Question, given: &Answer) -> Result<(), String> {
        let right = self.answer(question);
        if let Some((key, _)) = right.iter().find(|(key, _)| !given.contains_key(*key)) {
            return Err(format!(
                "{question:?}: the row {key:?} is missing ({} rows, not {})",
                given.len(),
                right.len()
            ));
        }
        if let Some((key, _)) = given.iter().find(|(key, _)| !right.contains_key(*key)) {
            return Err(format!("{question:?}: there should be no row {key:?}"));
        }
        let differs = right.iter().find(|(key, figures)| {
            let given = &given[*key];
            given.len() != figures.len() || !figures.iter().zip(given).all(|(right, given)| near(*right, *given))
        });
        differs.map_or(Ok(()), |(key, right)| {
            Err(format!("{question:?}: {key:?} should be {right:?}, not {:?}", given[key]))
        })
    }
}

/// Instants are equal or wrong; counts are whole numbers, so that they are equal when they are near.
fn near(right: f64, given: f64) -> bool {
    if right.abs() >= 1e6 {
        return right == given;
    }
    (right - given).abs() <= TOLERANCE * right.abs().max(1.0)
}
