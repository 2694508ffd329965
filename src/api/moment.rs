//! The moment that an answer is of: `at`, and the headers that say which one is shown.
//!
//! Maps are drawn of whole minutes: a moment of the past is rounded down to one, so that tiles which are asked for one after
//! the other show one picture, and a slider that moves by minutes finds each kept.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;
use super::query::Params;
use super::time::{When, Zone};
use crate::model::Timestamp;
use crate::state::State;

/// The header with the moment that is shown, RFC 3339.
pub const MOMENT: HeaderName = HeaderName::from_static("saola-moment");
/// The header of a moment of which not every alert is known any more: since when all are.
pub const ALERTS_KNOWN_SINCE: HeaderName = HeaderName::from_static("saola-alerts-known-since");

/// Moments of maps are multiples of this.
const STEP_MICROS: i64 = 60_000_000;

/// Takes `at`.
pub fn take(params: &mut Params) -> Result<Option<When>, Problem> {
    params.one("at", When::parse)
}

/// The moment asked for: `None` is now.
pub fn exact(at: Option<&When>, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let Some(at) = at.map(|at| at.settle(now, &Zone::default())).filter(|at| *at != now) else { return Ok(None) };
    if at > now {
        return Err(Problem::parameter("at", "lies in the future: nothing is known of it"));
    }
    Ok(Some(at))
}

/// The same, rounded down to a whole minute: the moment of a map.
pub fn of_map(at: Option<&When>, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
    Ok(exact(at, now)?.map(whole))
}

/// Rounded down to a whole minute.
pub fn whole(at: Timestamp) -> Timestamp {
    at.micros().div_euclid(STEP_MICROS).checked_mul(STEP_MICROS).map_or(at, Timestamp::from_micros)
}

/// From when on every alert and every incident is known: the later of the two. `None`: none was ever dropped.
pub fn known_since(state: &State) -> Option<Timestamp> {
    state.alerts.known_since().max(state.incidents.known_since())
}

/// Says in an answer's headers which moment it shows, and from when on every alert is known when that is later.
pub fn tell(headers: &mut HeaderMap, at: Timestamp, alerts_known_since: Option<Timestamp>) {
    let zone = Zone::default();
    let mut put = |name: HeaderName, at: Timestamp| {
        headers.extend(HeaderValue::from_str(&zone.show(at).to_string()).ok().map(|value| (name, value)));
    };
    put(MOMENT, at);
    if let Some(since) = alerts_known_since.filter(|since| at < *since) {
        put(ALERTS_KNOWN_SINCE, since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_maps_are_whole_minutes_of_the_past() {
        let now = Timestamp::parse("2026-11-21T03:15:00.5Z").unwrap();
        let check = |text: &str, expected: Result<Option<&str>, ()>| {
            let found = of_map(Some(&When::parse(text).unwrap()), now).map_err(|_| ());
            let expected = expected.map(|at| at.map(|at| Timestamp::parse(at).unwrap()));
            assert_eq!(found, expected, "{text}");
        };
        check("now", Ok(None));
        check("2026-11-21T10:15:00.5+07:00", Ok(None));
        check("2026-11-21T10:15:00.4+07:00", Ok(Some("2026-11-21T03:15:00Z")));
        check("-1m", Ok(Some("2026-11-21T03:14:00Z")));
        check("1969-12-31T23:59:59.5Z", Ok(Some("1969-12-31T23:59:00Z")));
        check("2026-11-21T03:15:00.6Z", Err(()));
        check("9999-01-01", Err(()));
        assert!(of_map(Some(&When::parse("-009999-06-02T00:00:30Z").unwrap()), now).is_ok());
        assert_eq!(of_map(None, now).unwrap(), None);
    }
}
