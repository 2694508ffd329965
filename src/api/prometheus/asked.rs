//! Parameters as Prometheus's clients send them: in the query, or as a form, or both.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;

use super::super::door::House;
use super::answer::Unanswered;
use crate::api::body::read_whole;
use crate::api::problem::{Code, Problem};
use crate::model::Timestamp;
use crate::promql::PromqlError;

/// Pairs of one request at most.
const FIELDS_MAX: usize = 1_000;

/// What was sent, percent-decoded; in the order of the query, then of the form.
pub struct Fields(Vec<(String, String)>);

impl FromRequest<House> for Fields {
    type Rejection = Unanswered;

    async fn from_request(request: Request, house: &House) -> Result<Self, Unanswered> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut pairs: Vec<(String, String)> = decoded(query.as_bytes());
        if request.method() == Method::POST {
            let declared = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let media_type = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
            if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
                let why = "send the parameters as application/x-www-form-urlencoded";
                return Err(Problem::new(Code::UnsupportedMediaType, why).into());
            }
            pairs.extend(decoded(&read_whole(request, house, "form").await?));
        }
        if pairs.len() > FIELDS_MAX {
            return Err(PromqlError::BadData(format!("at most {FIELDS_MAX} parameters can be sent")).into());
        }
        Ok(Self(pairs))
    }
}

fn decoded(bytes: &[u8]) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(bytes).take(FIELDS_MAX + 1);
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn wrong(name: &str, why: &str) -> PromqlError {
    PromqlError::BadData(format!("{name}: {why}"))
}

impl Fields {
    /// Every value of a parameter.
    pub(super) fn many(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A parameter's only value; an empty one counts as absent.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, PromqlError> {
        match self.many(name).as_slice() {
            [] | [""] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(wrong(name, "it can be given only once")),
        }
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, PromqlError> {
        self.one(name)?.ok_or_else(|| wrong(name, "it is needed"))
    }

    /// RFC 3339, or seconds since 1970 with decimals.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, PromqlError> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let at = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 2e11);
        let at = at.map(|seconds| Timestamp::from_micros((seconds * 1e6).round() as i64));
        let at = at.or_else(|| Timestamp::parse(text));
        at.map(Some).ok_or_else(|| wrong(name, "it is neither RFC 3339 nor seconds since 1970"))
    }

    pub(super) fn needed_time(&self, name: &str) -> Result<Timestamp, PromqlError> {
        self.time(name)?.ok_or_else(|| wrong(name, "it is needed"))
    }

    /// Seconds with decimals, or a length such as `5m`.
    pub(super) fn step(&self) -> Result<Duration, PromqlError> {
        let text = self.needed("step")?;
        let seconds = text.parse::<f64>().ok().filter(|seconds| (1e-3..1e10).contains(seconds));
        let step = seconds.map(Duration::from_secs_f64);
        let step = step.or_else(|| text.parse::<crate::model::Span>().ok().map(crate::model::Span::duration));
        step.ok_or_else(|| wrong("step", "it is neither a number of seconds above 0 nor a length such as 5m"))
    }

    /// How many rows at most; 0 stands for all.
    pub(super) fn limit(&self) -> Result<usize, PromqlError> {
        match self.one("limit")? {
            None => Ok(usize::MAX),
            Some(text) => match text.parse::<usize>() {
                Ok(0) => Ok(usize::MAX),
                Ok(limit) => Ok(limit),
                Err(_) => Err(wrong("limit", "it is not a whole number")),
            },
        }
    }

    /// How long a value counts as present is the channel's affair.
    pub(super) fn refuse_look_back(&self) -> Result<(), PromqlError> {
        match self.one("lookback_delta")? {
            None => Ok(()),
            Some(_) => {
                let why = "a value counts as present for two intervals of its own channel: leave it out";
                Err(wrong("lookback_delta", why))
            }
        }
    }
}
