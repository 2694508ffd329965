//! A person who is told of alerts: contacts, wishes, quiet hours.

use std::fmt;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::config::Wanted;
use super::texts::Language;
use crate::model::{AreaId, PersonId, Severity, StationKind, Timestamp};

/// A person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// The identifier.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// The account that this person signs in with.
    pub account: Option<String>,
    /// Grows with every change.
    pub revision: i64,
    /// How this person is reached.
    pub contacts: Vec<Contact>,
    /// What this person wants to hear; any one of them is enough.
    pub subscriptions: Vec<Subscription>,
}

/// One way to reach a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its identifier, random.
    pub id: String,
    /// `mail`, `push`, or a gateway's name.
    pub channel: String,
    /// A mail address, a telephone number, a chat, a browser's subscription. Personal data: in no log.
    pub address: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// What a person wants to hear, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Codes of areas, what lies inside them included; empty: everywhere.
    pub areas: Vec<AreaId>,
    /// Kinds of stations; empty: all.
    pub kinds: Vec<StationKind>,
    /// Properties or hazards; empty: all.
    pub causes: Vec<String>,
    /// Nothing below it.
    pub least_severity: Severity,
    /// By which of the person's channels; empty: all.
    pub channels: Vec<String>,
    /// In which languages, one after the other; empty: Vietnamese.
    pub languages: Vec<Language>,
    /// When not.
    pub quiet: Vec<QuietHours>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            areas: Vec::new(),
            kinds: Vec::new(),
            causes: Vec::new(),
            least_severity: Severity::Low,
            channels: Vec::new(),
            languages: vec![Language::Vi],
            quiet: Vec::new(),
        }
    }
}

/// Hours in which what is not severe waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// From this time of the day on.
    pub from: TimeOfDay,
    /// Until this time; before `from`: of the next day.
    pub to: TimeOfDay,
    /// On these days, by the day on which they begin; empty: on every day.
    #[serde(default)]
    pub days: Vec<Day>,
    /// On the clocks of this zone.
    #[serde(default = "home")]
    pub zone: String,
    /// The most severe that waits; what is more severe is told at once.
    pub through: Severity,
    /// What becomes of what has waited, if it still holds at the end.
    #[serde(default)]
    pub then: Then,
}

/// What becomes of what has waited through quiet hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It is told as if it had just happened.
    #[default]
    Tell,
    /// Everything that has waited is told in one digest.
    Digest,
}

fn home() -> String {
    "Asia/Ho_Chi_Minh".to_owned()
}

/// A time of the day, `22:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay(Time);

impl TimeOfDay {
    /// From `HH:MM`.
    pub fn parse(text: &str) -> Option<TimeOfDay> {
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (hour, minute) = text.split_once(':').filter(|(hour, minute)| digits(hour) && digits(minute))?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok().map(TimeOfDay)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0.hour(), self.0.minute()))
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TimeOfDay::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is not a time of day such as 22:30")))
    }
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    fn of(weekday: Weekday) -> Day {
        match weekday {
            Weekday::Monday => Day::Mon,
            Weekday::Tuesday => Day::Tue,
            Weekday::Wednesday => Day::Wed,
            Weekday::Thursday => Day::Thu,
            Weekday::Friday => Day::Fri,
            Weekday::Saturday => Day::Sat,
            Weekday::Sunday => Day::Sun,
        }
    }
}

/// How long quiet hours that follow one another hold a message; the last of them may end some hours later.
const HOLD_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Quiet hours that follow one another and are looked through for one message.
const HOLD_STEPS_MAX: usize = 50;

/// Quiet hours of one subscription.
pub const QUIET_MAX: usize = 50;

impl QuietHours {
    /// Until when a message of a severity has to wait; `None` when it may go now.
    pub fn hold(&self, severity: Severity, now: Timestamp) -> Option<Timestamp> {
        if severity > self.through {
            return None;
        }
        let zone = TimeZone::get(&self.zone).ok()?;
        let here = now.to_jiff().to_zoned(zone.clone());
        // Hours over midnight may have begun yesterday.
        [here.date().checked_sub(1.day()).ok()?, here.date()].into_iter().find_map(|date| {
            if !self.days.is_empty() && !self.days.contains(&Day::of(date.weekday())) {
                return None;
            }
            let last = if self.to.0 > self.from.0 { date } else { date.checked_add(1.day()).ok()? };
            let instant = |date: jiff::civil::Date, time: Time| {
                let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
                Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
            };
            let (from, to) = (instant(date, self.from.0)?, instant(last, self.to.0)?);
            (from <= now && now < to).then_some(to)
        })
    }
}

impl Subscription {
    /// The part that says which alerts.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            areas: self.areas.clone(),
            kinds: self.kinds.clone(),
            causes: self.causes.clone(),
            least_severity: Some(self.least_severity),
        }
    }

    /// Until when a message has to wait and what becomes of it then; `None` when it may go now.
    pub fn hold(&self, severity: Severity, now: Timestamp) -> Option<(Timestamp, Then)> {
        let hold_at = |at: Timestamp| {
            let holds = self.quiet.iter().filter_map(|quiet| Some((quiet.hold(severity, at)?, quiet.then)));
            holds.max_by_key(|(until, _)| *until)
        };
        let mut held = hold_at(now)?;
        // Hours that begin where others end go on; never longer than a week, or quiet hours all around would hold for
        // ever, nor through many short ones: what is not looked through is not quiet.
        for _ in 0..HOLD_STEPS_MAX {
            match hold_at(held.0).filter(|_| held.0 < now + HOLD_MAX) {
                Some(next) => held = next,
                None => break,
            }
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_hold_what_is_not_severe_until_they_end() {
        let quiet: QuietHours = serde_json::from_str(
            r#"{"from": "22:00", "to": "06:00", "days": ["fri"], "zone": "Asia/Ho_Chi_Minh", "through": "medium"}"#,
        )
        .unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let check = |severity, now: &str, expected: Option<&str>| {
            assert_eq!(quiet.hold(severity, at(now)), expected.map(at), "{severity:?} {now}");
        };
        // 2026-11-20 is a Friday.
        let end = Some("2026-11-21T06:00:00+07:00");
        check(Severity::Low, "2026-11-20T21:59:59+07:00", None);
        check(Severity::Low, "2026-11-20T22:00:00+07:00", end);
        check(Severity::Medium, "2026-11-21T05:59:59+07:00", end);
        check(Severity::High, "2026-11-21T03:00:00+07:00", None);
        check(Severity::Low, "2026-11-21T06:00:00+07:00", None);
        check(Severity::Low, "2026-11-21T23:00:00+07:00", None);
        check(Severity::Low, "2026-11-19T23:00:00+07:00", None);
    }

    #[test]
    fn quiet_hours_that_touch_hold_through_the_seam() {
        let subscription =
            |quiet: &str| Subscription { quiet: serde_json::from_str(quiet).unwrap(), ..Subscription::default() };
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let seamed = subscription(
            r#"[{"from": "22:00", "to": "00:00", "zone": "Asia/Ho_Chi_Minh", "through": "high"},
                {"from": "00:00", "to": "06:00", "zone": "Asia/Ho_Chi_Minh", "through": "medium", "then": "digest"}]"#,
        );
        let evening = at("2026-11-20T23:00:00+07:00");
        let morning = Some((at("2026-11-21T06:00:00+07:00"), Then::Digest));
        assert_eq!(seamed.hold(Severity::Medium, evening), morning);
        let midnight = Some((at("2026-11-21T00:00:00+07:00"), Then::Tell));
        assert_eq!(seamed.hold(Severity::High, evening), midnight, "only as far as it is quiet for what is so severe");
        let always = subscription(
            r#"[{"from": "00:00", "to": "12:00", "zone": "Asia/Ho_Chi_Minh", "through": "low"},
                {"from": "12:00", "to": "00:00", "zone": "Asia/Ho_Chi_Minh", "through": "low"}]"#,
        );
        let (until, _) = always.hold(Severity::Low, evening).unwrap();
        assert_eq!(until, at("2026-11-28T00:00:00+07:00"), "at last it is told");
    }

    #[test]
    fn many_short_quiet_hours_are_not_looked_through_for_ever() {
        let time = |minute: u32| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
        let entry = |minute: u32| {
            let (from, to) = (time(minute), time(minute + 1));
            format!(r#"{{"from": "{from}", "to": "{to}", "zone": "Asia/Ho_Chi_Minh", "through": "low"}}"#)
        };
        let minutes: Vec<String> = (0..1_440).map(entry).collect();
        let quiet = serde_json::from_str(&format!("[{}]", minutes.join(","))).unwrap();
        let subscription = Subscription { quiet, ..Subscription::default() };
        let now = Timestamp::parse("2026-11-20T23:00:30+07:00").unwrap();
        let (until, _) = subscription.hold(Severity::Low, now).unwrap();
        assert_eq!(until, Timestamp::parse("2026-11-20T23:51:00+07:00").unwrap());
    }

    #[test]
    fn times_of_the_day_are_read_as_they_are_written() {
        for (text, expected) in
            [("00:00", true), ("23:59", true), ("24:00", false), ("7:00", false), ("+7:00", false), ("07:60", false)]
        {
            let read = TimeOfDay::parse(text);
            assert_eq!(read.is_some(), expected, "{text}");
        }
        assert_eq!(serde_json::to_string(&TimeOfDay::parse("07:05").unwrap()).unwrap(), "\"07:05\"");
    }
}
