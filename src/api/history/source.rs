//! Where the rows of an answer come from: samples, buckets, two periods, areas; in batches, one series after the other.

use std::sync::Arc;
use std::time::Duration;

use super::parquet::ParquetError;
use super::table::{Cell, Column, Kind, Writer};
use crate::api::query::NO_PLACE;
use crate::history::{
    AreaRow, AreaWalk, Duty, Function, History, HistoryError, Line, Pair, PairWalk, Plan, QualityRule, Question, Row,
    Walk,
};
use crate::model::{ChannelId, Quality, Timestamp};
use crate::store::StoredSample;

/// Samples read at a time, about: 24 bytes each, and 80 as text.
const PIECE_SAMPLES: usize = 4_096;

/// Where a reading of several series stands: its row is the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Which of the series.
    pub series: usize,
    /// From which time on.
    pub from: Timestamp,
    /// In the period compared with, too.
    pub compared: Option<Timestamp>,
}

impl Place {
    /// The beginning of a series.
    pub fn beginning(series: usize, from: Timestamp) -> Self {
        Self { series, from, compared: None }
    }

    /// From an answer's `next`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || NO_PLACE.to_owned();
        let mut words = text.split('~');
        let series = words.next().and_then(|word| word.parse().ok()).ok_or_else(wrong)?;
        let times = words.map(|word| word.parse().map(Timestamp::from_micros));
        let times = times.collect::<Result<Vec<_>, _>>().map_err(|_| wrong())?;
        match times.as_slice() {
            [from] => Ok(Self::beginning(series, *from)),
            [from, compared] => Ok(Self { series, from: *from, compared: Some(*compared) }),
            _ => Err(wrong()),
        }
    }

    /// For an answer's `next`.
    pub fn text(self) -> String {
        let compared = self.compared.map_or(String::new(), |compared| format!("~{}", compared.micros()));
        format!("{}~{}{compared}", self.series, self.from.micros())
    }
}

/// Goes through series, batch by batch. It holds no part of the store between batches: a slow peer must not keep old
/// data from being freed.
pub enum Source {
    /// Samples.
    Samples(Samples),
    /// Buckets of channels.
    Buckets(Series<Walk>),
    /// Buckets of channels in two periods.
    Pairs(Series<PairWalk>),
    /// Buckets of areas.
    Areas(Series<AreaWalk>),
}

/// Samples of channels.
pub struct Samples {
    /// Which, in the asked order.
    pub channels: Vec<ChannelId>,
    /// From this time on.
    pub from: Timestamp,
    /// Up to and without this one.
    pub to: Timestamp,
    /// Which samples are told.
    pub quality: QualityRule,
    /// Where to begin.
    pub place: Place,
}

type Begin<W> = Box<dyn Fn(&History, Place) -> Option<W> + Send>;

/// A walk for each series, begun when it is its turn.
pub struct Series<W> {
    /// How to begin the walk of a series.
    begin: Begin<W>,
    from: Timestamp,
    place: Place,
    open: Option<Box<W>>,
}

impl<W> Series<W> {
    fn new(
        from: Timestamp,
        place: Option<Place>,
        begin: impl Fn(&History, Place) -> Option<W> + Send + 'static,
    ) -> Self {
        let place = place.unwrap_or(Place::beginning(0, from));
        Self { begin: Box::new(begin), from, place, open: None }
    }

    /// The next rows, possibly none, and their series; `None` at the end.
    fn step<R>(
        &mut self,
        history: &History,
        step: impl Fn(&mut W, &mut Vec<R>) -> Result<bool, HistoryError>,
    ) -> Result<Option<(usize, Vec<R>)>, HistoryError> {
        let series = self.place.series;
        let walk = match self.open.take() {
            Some(walk) => Some(walk),
            None => (self.begin)(history, self.place).map(Box::new),
        };
        let Some(mut walk) = walk else { return Ok(None) };
        let mut rows = Vec::new();
        if step(&mut walk, &mut rows)? {
            self.open = Some(walk);
        } else {
            self.place = Place::beginning(series + 1, self.from);
        }
        Ok(Some((series, rows)))
    }
}

/// Some rows of one series.
pub struct Batch {
    series: usize,
    rows: Rows,
}

enum Rows {
    Samples(Vec<StoredSample>),
    Buckets(Vec<Row>),
    Pairs(Vec<Pair>),
    Areas(Vec<AreaRow>),
}

impl Source {
    /// Buckets of channels.
    pub fn buckets(question: Arc<Question>, lines: Vec<(Line, Plan)>, place: Option<Place>) -> Self {
        Source::Buckets(Series::new(question.from, place, move |history, place| {
            let (line, plan) = lines.get(place.series)?;
            Some(history.walk(&question, line, *plan, place.from))
        }))
    }

    /// Buckets of channels in the period asked about and in the one compared with.
    pub fn pairs(periods: [Arc<Question>; 2], lines: Vec<(Line, [Plan; 2])>, place: Option<Place>) -> Self {
        let from = periods[0].from;
        Source::Pairs(Series::new(from, place, move |history, place| {
            let (line, plans) = lines.get(place.series)?;
            let compared = place.compared.unwrap_or(periods[1].from);
            Some(PairWalk::new(
                history.walk(&periods[0], line, plans[0], place.from),
                history.walk(&periods[1], line, plans[1], compared),
            ))
        }))
    }

    /// Buckets of areas.
    pub fn areas(question: Arc<Question>, areas: Vec<Vec<(Line, Plan, Duty)>>, place: Option<Place>) -> Self {
        Source::Areas(Series::new(question.from, place, move |history, place| {
            let lines = areas.get(place.series)?;
            Some(history.area_walk(&question, lines, place.from))
        }))
    }

    /// The next rows, possibly none; `None` at the end of the last series.
    pub fn step(&mut self, history: &History) -> Result<Option<Batch>, HistoryError> {
        let store = history.store();
        let batch = match self {
            Source::Samples(samples) => samples.step(history)?.map(|(series, rows)| (series, Rows::Samples(rows))),
            Source::Buckets(series) => {
                let found = series.step(history, |walk, rows| walk.step(store, rows))?;
                found.map(|(series, rows)| (series, Rows::Buckets(rows)))
            }
            Source::Pairs(series) => {
                let found = series.step(history, |walk, rows| walk.step(store, rows))?;
                found.map(|(series, rows)| (series, Rows::Pairs(rows)))
            }
            Source::Areas(series) => {
                let found = series.step(history, |walk, rows| walk.step(store, rows))?;
                found.map(|(series, rows)| (series, Rows::Areas(rows)))
            }
        };
        Ok(batch.map(|(series, rows)| Batch { series, rows }))
    }
}

impl Samples {
    fn step(&mut self, history: &History) -> Result<Option<(usize, Vec<StoredSample>)>, HistoryError> {
        let Place { series, from, .. } = self.place;
        let Some(channel) = self.channels.get(series) else {
            return Ok(None);
        };
        let range = history.store().range(*channel, from, self.to);
        let mut samples = range.take(PIECE_SAMPLES).collect::<Result<Vec<_>, _>>()?;
        self.place = match samples.last() {
            Some(last) if samples.len() == PIECE_SAMPLES => {
                Place::beginning(series, last.observed_at + Duration::from_micros(1))
            }
            _ => Place::beginning(series + 1, self.from),
        };
        if self.quality == QualityRule::Good {
            samples.retain(|sample| sample.quality.is_good());
        }
        Ok(Some((series, samples)))
    }
}

impl Batch {
    /// How many rows.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Samples(rows) => rows.len(),
            Rows::Buckets(rows) => rows.len(),
            Rows::Pairs(rows) => rows.len(),
            Rows::Areas(rows) => rows.len(),
        }
    }

    /// Where a row stands, if there are so many.
    pub fn place(&self, row: usize) -> Option<Place> {
        let from = match &self.rows {
            Rows::Samples(rows) => rows.get(row)?.observed_at,
            Rows::Buckets(rows) => rows.get(row)?.bucket.begin,
            Rows::Areas(rows) => rows.get(row)?.bucket.begin,
            Rows::Pairs(rows) => {
                // A period that is at its end stays there.
                let end = Timestamp::from_micros(i64::MAX);
                let begin = |row: &Option<Row>| row.as_ref().map_or(end, |row| row.bucket.begin);
                let Pair { asked, compared } = rows.get(row)?;
                return Some(Place { series: self.series, from: begin(asked), compared: Some(begin(compared)) });
            }
        };
        Some(Place::beginning(self.series, from))
    }

    /// Writes the first rows.
    pub fn write(&self, count: usize, columns: &Columns, writer: &mut Writer) -> Result<(), ParquetError> {
        let series = self.series;
        match &self.rows {
            Rows::Samples(rows) => rows.iter().take(count).try_for_each(|sample| {
                let word = Cell::Word(sample.quality.word());
                writer.row(series, &[Cell::Time(sample.observed_at), Cell::number(Some(sample.value)), word])
            }),
            Rows::Buckets(rows) => rows.iter().take(count).try_for_each(|row| writer.row(series, &columns.of_row(row))),
            Rows::Pairs(rows) => {
                rows.iter().take(count).try_for_each(|pair| writer.row(series, &columns.of_pair(pair)))
            }
            Rows::Areas(rows) => rows.iter().take(count).try_for_each(|row| writer.row(series, &columns.of_area(row))),
        }
    }
}

/// The columns of buckets.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Name and place among the functions. The number of samples has a column of its own.
    values: Vec<(String, usize)>,
}

impl Columns {
    /// For functions asked; the one that nobody asked for is named `value`.
    pub fn new(functions: &[Function], is_default: bool) -> Self {
        let named = functions.iter().enumerate().filter(|(_, function)| **function != Function::Count);
        let name = |function: &Function| if is_default { "value".to_owned() } else { function.word().to_owned() };
        Self { values: named.map(|(place, function)| (name(function), place)).collect() }
    }

    fn values(&self, before: &str) -> Vec<Column> {
        self.values.iter().map(|(name, _)| Column::new(format!("{before}{name}"), Kind::Number)).collect()
    }

    fn weights(before: &str) -> Vec<Column> {
        let kinds = [
            ("count", Kind::Count),
            ("expected", Kind::Count),
            ("completeness", Kind::Number),
            ("worst_quality", Kind::Text),
        ];
        kinds.map(|(name, kind)| Column::new(format!("{before}{name}"), kind)).to_vec()
    }

    fn ends() -> Vec<Column> {
        let kinds = [("left_out", Kind::Count), ("end", Kind::MaybeTime), ("partial", Kind::Flag)];
        kinds.map(|(name, kind)| Column::new(name, kind)).to_vec()
    }

    /// Of samples.
    pub fn table_of_samples() -> Vec<Column> {
        let kinds = [("time", Kind::Time), ("value", Kind::Number), ("quality", Kind::Text)];
        kinds.map(|(name, kind)| Column::new(name, kind)).to_vec()
    }

    /// Of one channel's buckets.
    pub fn table(&self) -> Vec<Column> {
        [vec![Column::new("time", Kind::Time)], self.values(""), Self::weights(""), Self::ends()].concat()
    }

    /// Of two periods.
    pub fn table_of_pairs(&self) -> Vec<Column> {
        [
            vec![Column::new("time", Kind::MaybeTime)],
            self.values(""),
            Self::weights(""),
            Self::ends(),
            vec![Column::new("compare_time", Kind::MaybeTime)],
            self.values("compare_"),
            Self::weights("compare_"),
            self.values("difference_"),
        ]
        .concat()
    }

    /// Of an area.
    pub fn table_of_areas(&self) -> Vec<Column> {
        let stations = ["stations", "stations_expected"].map(|name| Column::new(name, Kind::Count)).to_vec();
        let time = vec![Column::new("time", Kind::Time)];
        [time, self.values(""), Self::weights(""), stations, Self::ends()].concat()
    }

    fn put_values(&self, cells: &mut Vec<Cell>, values: &[Option<f64>]) {
        cells.extend(self.values.iter().map(|(_, place)| Cell::number(values.get(*place).copied().flatten())));
    }

    fn put_row(&self, cells: &mut Vec<Cell>, row: &Row) {
        cells.push(Cell::Time(row.bucket.begin));
        self.put_values(cells, &row.values);
        cells.extend([Cell::Count(row.count), Cell::Count(row.expected), Cell::number(row.completeness())]);
        cells.push(worst(row.flags));
    }

    fn of_row(&self, row: &Row) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(8 + self.values.len());
        self.put_row(&mut cells, row);
        cells.extend([Cell::Count(row.left_out), Cell::Time(row.bucket.end), Cell::Flag(row.is_partial)]);
        cells
    }

    fn of_pair(&self, pair: &Pair) -> Vec<Cell> {
        let mut cells = Vec::new();
        match &pair.asked {
            Some(row) => cells = self.of_row(row),
            None => cells.resize(8 + self.values.len(), Cell::Absent),
        }
        match &pair.compared {
            Some(row) => self.put_row(&mut cells, row),
            None => cells.resize(cells.len() + 5 + self.values.len(), Cell::Absent),
        }
        let differences: Vec<Option<f64>> = pair.differences().collect();
        self.put_values(&mut cells, &differences);
        cells
    }

    fn of_area(&self, row: &AreaRow) -> Vec<Cell> {
        let mut cells = vec![Cell::Time(row.bucket.begin)];
        self.put_values(&mut cells, &row.values);
        cells.extend([Cell::Count(row.count), Cell::Count(row.expected), Cell::number(row.completeness())]);
        cells.push(worst(row.flags));
        cells.extend([Cell::Count(row.stations), Cell::Count(row.stations_expected), Cell::Count(row.left_out)]);
        cells.extend([Cell::Time(row.bucket.end), Cell::Flag(row.is_partial)]);
        cells
    }
}

fn worst(flags: Option<Quality>) -> Cell {
    flags.map_or(Cell::Absent, |flags| Cell::Word(flags.word()))
}
