//! The parameters that questions about channels and about areas share.

use axum::http::Uri;
use utoipa::IntoParams;

use super::super::door::Allowed;
use super::super::problem::Problem;
use super::super::query::{Params, limit, word};
use super::super::time::{When, Zone};
use super::source::Place;
use super::table::{Format, Mark};
use crate::history::{Every, Function, Limit, QualityRule, Question};
use crate::model::Timestamp;

/// Rows in one answer when a limit is asked for, at most. Without a limit there is none.
const LIMIT_MAX: usize = 100_000;

/// What every question takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Common {
    /// From this time on: RFC 3339, a date, `-24h`. Default: 24 hours before `to`.
    #[param(value_type = Option<String>, example = "-24h")]
    pub from: Option<When>,
    /// Up to and without this time. Default: now; of raw samples, up to the newest.
    #[param(value_type = Option<String>, example = "now")]
    pub to: Option<When>,
    /// Length of buckets: a number with m, h, d, w, mo, q or y. Days and longer begin at midnight of `tz` (weeks on
    /// Monday); minutes and hours are of time that passes, counted from midnight, up to 24h.
    #[param(value_type = Option<String>, example = "1h")]
    pub every: Option<Every>,
    /// What to compute in each bucket: mean (the default, then named `value`), min, max, sum, count, first, last, p05,
    /// p50, p95 (linear, type 7), stddev (n - 1), exceedance_hours (a sample counts until the next one, at most for the
    /// channel's interval; see `above`), delta (what a counter advanced; the step from the sample before belongs to the
    /// later sample's bucket). May be repeated or a list with commas.
    #[param(rename = "fn", value_type = Vec<String>, example = "mean")]
    pub functions: Vec<Function>,
    /// Which samples count: good (the default for buckets; how many were left out is told) or all (the default for raw
    /// samples).
    #[param(value_type = Option<String>)]
    pub quality: Option<QualityRule>,
    /// The limit of exceedance_hours: higher values exceed it.
    #[param(value_type = Option<f64>)]
    pub above: Option<f64>,
    /// The limit of exceedance_hours: lower values exceed it.
    #[param(value_type = Option<f64>)]
    pub below: Option<f64>,
    /// How many rows at most: 1 to 100,000; absent: all of them.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100000)]
    pub limit: Option<usize>,
    /// Where to go on: the `next` of the answer before, or the `Link` header's.
    #[param(value_type = Option<String>)]
    pub next: Option<Place>,
    /// json, csv, ndjson or parquet.
    #[param(value_type = Option<String>, default = "json")]
    pub format: Format,
    /// 1: a CSV begins with a byte order mark, for spreadsheets that take it for another alphabet without.
    #[param(value_type = Option<u8>)]
    pub bom: Mark,
    /// Time zone of the answer's times, of buckets, and of times asked without an offset.
    #[param(value_type = Option<String>, default = "Asia/Ho_Chi_Minh")]
    pub tz: Zone,
}

impl Common {
    /// Takes the parameters.
    pub fn take(params: &mut Params) -> Result<Self, Problem> {
        let number = |text: &str| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("{text:?} is not a number such as 45.5"))
        };
        let common = Self {
            from: params.one("from", When::parse)?,
            to: params.one("to", When::parse)?,
            every: params.one("every", |text| text.parse().map_err(|error| format!("{error}")))?,
            functions: params.many("fn", |text| word(text, &Function::ALL, Function::word))?,
            quality: params.one("quality", |text| word(text, &QualityRule::ALL, QualityRule::word))?,
            above: params.one("above", number)?,
            below: params.one("below", number)?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?,
            next: params.one("next", Place::parse)?,
            format: params.one("format", |text| word(text, &Format::ALL, Format::word))?.unwrap_or(Format::Json),
            bom: params.one("bom", mark)?.unwrap_or(Mark::None),
            tz: params.one("tz", Zone::parse)?.unwrap_or_default(),
        };
        common.check()?;
        Ok(common)
    }

    fn check(&self) -> Result<(), Problem> {
        let exceedance = self.functions.contains(&Function::ExceedanceHours);
        for (place, function) in self.functions.iter().enumerate() {
            if self.functions[..place].contains(function) {
                return Err(Problem::parameter("fn", format!("{} is asked for twice", function.word())));
            }
        }
        match (self.above, self.below) {
            (Some(_), Some(_)) => Err(Problem::parameter("below", "give either `above` or `below`")),
            (None, None) if exceedance => {
                Err(Problem::parameter("fn", "exceedance_hours needs a limit: `above=45` or `below=0.5`"))
            }
            (Some(_), None) if !exceedance => Err(Problem::parameter("above", "it goes with fn=exceedance_hours")),
            (None, Some(_)) if !exceedance => Err(Problem::parameter("below", "it goes with fn=exceedance_hours")),
            _ if self.bom == Mark::ByteOrder && self.format != Format::Csv => {
                Err(Problem::parameter("bom", "only a CSV takes it"))
            }
            _ if self.every.is_none() && !self.functions.is_empty() => {
                Err(Problem::parameter("fn", "functions are of buckets: say how long with `every`"))
            }
            _ => Ok(()),
        }
    }

    /// The range asked about, as far as it is said, at `now`. `latest` stands in for `to`.
    pub fn range(&self, now: Timestamp, latest: Timestamp) -> Result<(Timestamp, Timestamp), Problem> {
        let to = self.to.as_ref().map(|to| to.settle(now, &self.tz));
        let from = match &self.from {
            Some(from) => from.settle(now, &self.tz),
            None => When::parse("-24h").map_err(Problem::internal)?.settle(to.unwrap_or(now), &self.tz),
        };
        let to = to.unwrap_or(latest);
        if from > to { Err(Problem::parameter("from", "it lies after `to`")) } else { Ok((from, to)) }
    }

    /// The question for buckets; `None` when raw samples are asked for.
    pub fn question<N>(&self, door: &Allowed<N>) -> Result<Option<Question>, Problem> {
        let Some(every) = self.every else { return Ok(None) };
        let now = door.parts().clock.now();
        let (from, to) = self.range(now, now)?;
        let limit = self.above.map(Limit::Above).or(self.below.map(Limit::Below));
        let functions = if self.functions.is_empty() { vec![Function::Mean] } else { self.functions.clone() };
        let quality = self.quality.unwrap_or(QualityRule::Good);
        let zone = self.tz.zone().clone();
        Ok(Some(Question { from, to, every, zone, functions, quality, limit, now }))
    }

    /// The query of a question without its place, its ends settled: whoever asks again later asks the same.
    pub fn settled(&self, asked: &Uri, from: Timestamp, to: Option<Timestamp>) -> String {
        let is_kept = |part: &&str| {
            let name = part.split('=').next().unwrap_or_default();
            !part.is_empty() && !matches!(name, "from" | "to" | "next")
        };
        let ends = [Some(format!("from={from}")), to.map(|to| format!("to={to}"))];
        let parts = asked.query().unwrap_or_default().split('&').filter(is_kept).map(str::to_owned);
        parts.chain(ends.into_iter().flatten()).collect::<Vec<_>>().join("&")
    }

    /// The place to begin at, which must belong to a question from `from` on with so many series.
    pub fn place(&self, from: Timestamp, series: usize) -> Result<Option<Place>, Problem> {
        match self.next {
            Some(place) if place.series >= series || place.from < from => {
                Err(Problem::parameter("next", "it belongs to another question"))
            }
            place => Ok(place),
        }
    }
}

fn mark(text: &str) -> Result<Mark, String> {
    match text {
        "0" => Ok(Mark::None),
        "1" => Ok(Mark::ByteOrder),
        _ => Err(format!("{text:?} is not 0 or 1")),
    }
}
