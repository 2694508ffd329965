//! One report: what it may say, and which word about its alert it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::alerts::workflow::{Deed, Did, Handling};
use crate::api::body::{instant, wrong};
use crate::api::problem::Problem;
use crate::field::photo::PHOTO_BYTES_MAX;
use crate::field::{Action, MediaType};
use crate::model::{Alert, CloseCause, Order, Seq, Severity, Timestamp};

/// Letters of a note: what Saola adds keeps the whole below the 500 of a note about an alert.
const NOTE_LENGTH_MAX: usize = 300;
/// Bytes of an alert's identifier.
const ALERT_BYTES_MAX: usize = 512;
/// Places of a UUID's hyphens, and its length.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const KEY_BYTES: usize = 36;

/// A report, as a phone made it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportAsked {
    /// The phone's own name of it, a new UUID for each: a repeat gets the answer of the first.
    #[schema(example = "5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1f10")]
    key: String,
    /// The alert's identifier.
    alert: String,
    /// `acknowledged`, `on_my_way` and `confirmed` acknowledge the alert, the last two saying so in the note; `false`
    /// closes it as a false alarm where the caller may close alerts, and says so in a comment where not; `note` is a
    /// comment. Of an alert that ended, got worse than `seen` or was closed since, each is a comment that says so; `false`
    /// also when others said something since.
    #[schema(example = "on_my_way")]
    action: String,
    /// `seen` of the alert as the phone showed it then: what the report is about. Absent: whatever is open.
    #[schema(example = "high.48211")]
    seen: Option<String>,
    /// At most 300 letters; compulsory for `note` without a photo.
    #[serde(default)]
    note: String,
    /// When it was said, by the phone's clock: kept beside the time of receipt.
    #[schema(example = "2026-11-21T08:00:00+07:00")]
    at: String,
    /// Where the phone was.
    position: Option<ReportPosition>,
    /// JPEG, PNG or WebP of at most 512 KiB, in base64. Goes with every action.
    #[schema(value_type = Option<String>, format = Byte)]
    photo: Option<String>,
}

/// Where a phone was.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportPosition {
    /// Degrees north, WGS 84.
    #[schema(example = 22.36)]
    lat: f64,
    /// Degrees east.
    #[schema(example = 103.25)]
    lon: f64,
    /// How exact the phone says it is, metres.
    accuracy_m: Option<f64>,
}

/// What somebody saw of an alert: how severe it was, and the newest that was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    severity: Severity,
    newest: u64,
}

impl Seen {
    /// Of an alert as it stands.
    pub fn of(alert: &Alert, handling: Option<&Handling>) -> Seen {
        let newest = handling.and_then(|handling| handling.deeds.last()).map_or(0, |deed| deed.seq.0);
        Seen { severity: alert.severity, newest }
    }

    /// As a phone carries it.
    pub fn text(self) -> String {
        format!("{}.{}", self.severity.word(), self.newest)
    }

    fn parse(text: &str) -> Option<Seen> {
        let (word, newest) = text.split_once('.')?;
        let severity = Severity::ALL.into_iter().find(|severity| severity.word() == word)?;
        Some(Seen { severity, newest: newest.parse().ok()? })
    }
}

/// Why what was said of an alert is not done to it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It ended.
    Over,
    /// It is more severe.
    Worse(Severity, Severity),
    /// Somebody closed it.
    Closed,
    /// Others said something of it.
    Said,
}

impl Since {
    /// In both languages.
    fn words(self) -> String {
        match self {
            Since::Over => "cảnh báo đã hết (over by then)".to_owned(),
            Since::Worse(then, now) => {
                let (then, now) = (then as u8 + 1, now as u8 + 1);
                format!("nói lúc mức {then}, nay {now} (said at level {then}, now {now})")
            }
            Since::Closed => "đã đóng trước đó (closed by then)".to_owned(),
            Since::Said => "người khác đã báo thêm (others said more since)".to_owned(),
        }
    }
}

/// A report that makes sense.
pub struct Report {
    pub key: String,
    pub alert: String,
    pub action: Action,
    pub said_at: Timestamp,
    pub photo: Option<(MediaType, Vec<u8>)>,
    /// Of everything in it: another report under the same key is told from a repeat.
    pub request: [u8; 32],
    seen: Option<Seen>,
    note: String,
    position: Option<ReportPosition>,
}

impl Report {
    /// From what a phone says.
    pub fn read(asked: ReportAsked) -> Result<Report, Problem> {
        let key = key(&asked.key)?;
        if asked.alert.is_empty() || asked.alert.len() > ALERT_BYTES_MAX {
            return Err(wrong(format!("alert: must have 1 to {ALERT_BYTES_MAX} bytes")));
        }
        let action = Action::parse(&asked.action).ok_or_else(|| {
            let known = Action::ALL.map(Action::word).join(", ");
            wrong(format!("action: must be one of {known}"))
        })?;
        let note = note(&asked.note)?;
        let said_at = instant("at", &asked.at)?;
        let unread = || wrong("seen: must be the alert's, as it was told");
        let seen = asked.seen.as_deref().map(|text| Seen::parse(text).ok_or_else(unread)).transpose()?;
        if let Some(position) = &asked.position {
            check_position(position)?;
        }
        let photo = asked.photo.as_deref().map(photo).transpose()?;
        if action == Action::Note && note.is_empty() && photo.is_none() {
            return Err(wrong("note: must say something, or come with a photo"));
        }
        let position = asked.position;
        let bytes = photo.as_ref().map(|(_, bytes)| Sha256::digest(bytes).to_vec());
        let place = position.map(|at| (at.lat, at.lon, at.accuracy_m));
        let whole = postcard::to_stdvec(&(&asked.alert, action.word(), &note, said_at, place, bytes, seen));
        let request = Sha256::digest(whole.map_err(Problem::internal)?).into();
        Ok(Report { key, alert: asked.alert, action, said_at, photo, request, seen, note, position })
    }

    /// Why it is only a comment, though it would be more: it is about something else than what is there now.
    pub fn since(&self, alert: &Alert, handling: Option<&Handling>, author: &str, may_close: bool) -> Option<Since> {
        if !alert.state.is_open() {
            return Some(Since::Over);
        }
        let seen = self.seen?;
        if alert.severity > seen.severity {
            return Some(Since::Worse(seen.severity, alert.severity));
        }
        let deeds = handling.map_or(&[][..], |handling| &handling.deeds);
        let is_others = |by: &String| by != author;
        let later = |deed: &&Deed| deed.seq > Seq(seen.newest) && deed.author.as_ref().is_some_and(is_others);
        let mut others = deeds.iter().filter(later);
        if handling.is_some_and(|handling| handling.is_closed_at(alert.severity))
            && others.clone().any(|deed| matches!(deed.did, Did::Closed { .. }))
        {
            return Some(Since::Closed);
        }
        (self.action == Action::False && may_close && others.next().is_some()).then_some(Since::Said)
    }

    /// The word about the alert.
    pub fn order(&self, may_close: bool, since: Option<Since>) -> Order {
        let note = self.said(since);
        match self.action {
            Action::Acknowledged | Action::OnMyWay | Action::Confirmed if since.is_none() => {
                Order::Acknowledge { note }
            }
            Action::False if may_close && since.is_none() => Order::Close { cause: CloseCause::FalseAlarm, note },
            _ => Order::Comment { text: note },
        }
    }

    /// What the time-line says, in both languages where Saola says it.
    fn said(&self, since: Option<Since>) -> String {
        let since = since.filter(|_| self.action != Action::Note);
        let of_action = match (self.action, since) {
            (Action::Note, _) | (Action::Acknowledged, None) => "",
            (Action::OnMyWay, None) => "Đang đến hiện trường (on the way)",
            (Action::Confirmed, None) => "Đã xác nhận tại hiện trường (confirmed on site)",
            (Action::False, None) => "Báo động giả, đã kiểm tra tại hiện trường (false alarm, checked on site)",
            // Shorter, because why it is no more than a comment stands beside it.
            (Action::Acknowledged, Some(_)) => "Đã nhận (acknowledged)",
            (Action::OnMyWay, Some(_)) => "Đang đến (on the way)",
            (Action::Confirmed, Some(_)) => "Có thật (confirmed)",
            (Action::False, Some(_)) => "Báo giả (false alarm)",
        };
        let position = self.position.map(|ReportPosition { lat, lon, accuracy_m }| {
            let accuracy = accuracy_m.map(|metres| format!(" ±{metres:.0} m")).unwrap_or_default();
            format!("GPS {lat:.5}, {lon:.5}{accuracy}")
        });
        let photo = self.photo.as_ref().map(|_| address(&self.key));
        let since = since.map(Since::words);
        let parts = [Some(of_action.to_owned()), since, Some(self.note.clone()), position, photo];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
    }
}

/// Where a report's photo is.
pub fn address(key: &str) -> String {
    format!("/api/v1/field/photos/{key}")
}

/// A UUID, in small letters.
pub fn key(text: &str) -> Result<String, Problem> {
    let is_right = |(place, byte): (usize, u8)| match HYPHENS.contains(&place) {
        true => byte == b'-',
        false => byte.is_ascii_hexdigit(),
    };
    if text.len() != KEY_BYTES || !text.bytes().enumerate().all(is_right) {
        return Err(wrong("key: must be a UUID such as 5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1f10"));
    }
    Ok(text.to_ascii_lowercase())
}

fn note(text: &str) -> Result<String, Problem> {
    let is_wrong = |letter: char| letter.is_control() && letter != '\n';
    if text.chars().count() > NOTE_LENGTH_MAX || text.contains(is_wrong) {
        return Err(wrong(format!(
            "note: must have at most {NOTE_LENGTH_MAX} letters, no control character but new lines"
        )));
    }
    Ok(text.trim().to_owned())
}

fn check_position(position: &ReportPosition) -> Result<(), Problem> {
    let ReportPosition { lat, lon, accuracy_m } = *position;
    let is_right = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
    let is_exact = accuracy_m.is_none_or(|metres| (0.0..=1_000_000.0).contains(&metres));
    if is_right && is_exact {
        return Ok(());
    }
    Err(wrong("position: lat lies between -90 and 90, lon between -180 and 180, accuracy_m between 0 and 1,000,000"))
}

fn photo(text: &str) -> Result<(MediaType, Vec<u8>), Problem> {
    if text.len() > PHOTO_BYTES_MAX.div_ceil(3) * 4 {
        return Err(wrong(format!("photo: must have at most {PHOTO_BYTES_MAX} bytes")));
    }
    let bytes = STANDARD.decode(text).map_err(|_| wrong("photo: must be base64 (RFC 4648, section 4)"))?;
    if bytes.len() > PHOTO_BYTES_MAX {
        return Err(wrong(format!("photo: must have at most {PHOTO_BYTES_MAX} bytes")));
    }
    let media_type = MediaType::of(&bytes).ok_or_else(|| wrong("photo: must be JPEG, PNG or WebP"))?;
    Ok((media_type, bytes))
}
