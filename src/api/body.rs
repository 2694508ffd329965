//! JSON bodies: declared, complete in time, no larger than allowed, without members that nobody knows.

use std::time::Duration;

use axum::body::{Bytes, HttpBody as _, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::door::House;
use super::problem::{Code, Problem};
use crate::model::Timestamp;

/// A request's body, read whole; one that is absent stands for the type's default.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<House> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, house: &House) -> Result<Self, Problem> {
        let is_absent = request.body().size_hint().exact() == Some(0);
        if is_absent {
            return Ok(Self(T::default()));
        }
        Body::from_request(request, house).await.map(|Body(told)| Self(told))
    }
}

/// A request's body, read whole.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<House> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, house: &House) -> Result<Self, Problem> {
        read_json(request, house, house.limits().body_timeout.duration()).await.map(Body)
    }
}

/// The longest that a body from a poor network may take: 1 MiB at 50 kbit/s.
const PATIENCE: Duration = Duration::from_secs(180);

/// A request's body, read whole, for which a phone in the forest gets more time than others.
pub struct PatientBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<House> for PatientBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, house: &House) -> Result<Self, Problem> {
        let patience = house.limits().body_timeout.duration().max(PATIENCE);
        read_json(request, house, patience).await.map(PatientBody)
    }
}

async fn read_json<T: DeserializeOwned>(request: Request, house: &House, patience: Duration) -> Result<T, Problem> {
    let declared = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = declared.split(';').next().unwrap_or_default().trim();
    let is_json = ["application/json", "application/merge-patch+json"];
    if !is_json.iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
        return Err(Problem::new(Code::UnsupportedMediaType, "send the body as application/json"));
    }
    let bytes = read_within(request, house, "body", patience).await?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

/// A body in its bounds of time and size; `name` is what an error calls it.
pub async fn read_whole(request: Request, house: &House, name: &str) -> Result<Bytes, Problem> {
    read_within(request, house, name, house.limits().body_timeout.duration()).await
}

async fn read_within(request: Request, house: &House, name: &str, patience: Duration) -> Result<Bytes, Problem> {
    let most = house.limits().body_bytes_max;
    match tokio::time::timeout(patience, to_bytes(request.into_body(), most)).await {
        Err(_) => Err(Problem::new(Code::RequestTimeout, format!("the {name} was not complete in time"))),
        Ok(Err(_)) => {
            let why = format!("the {name} was cut off or holds more than {most} bytes");
            Err(Problem::new(Code::BodyTooLarge, why))
        }
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

/// The body says what cannot be.
pub fn wrong(why: impl Into<String>) -> Problem {
    Problem::new(Code::InvalidBody, why)
}

/// A time in a body.
pub fn instant(key: &str, text: &str) -> Result<Timestamp, Problem> {
    let wanted = || wrong(format!("{key}: {text:?} is not a time such as 2026-11-21T08:00:00+07:00"));
    Timestamp::parse(text).ok_or_else(wanted)
}

/// A text as people write it, on one line.
pub fn line(key: &str, text: &str, least: usize, most: usize) -> Result<String, Problem> {
    let text = text.trim();
    if !(least..=most).contains(&text.chars().count()) || text.contains(char::is_control) {
        return Err(wrong(format!("{key}: must have {least} to {most} letters, none of them a control character")));
    }
    Ok(text.to_owned())
}
