//! The messages that an alert's time-line makes, and one of them as XML.

use std::io;

use super::area::{circle_text, ring_text};
use super::words::{self, Language};
use super::xml::Sheet;
use super::{About, Config, NAMESPACE};
use crate::alerts::MOMENTS_MAX;
use crate::model::{Alert, AlertId, AlertState, Cause, Severity, Timestamp};

/// What a message does (CAP 1.2, `msgType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first of its chain.
    Alert,
    /// It goes on in another way.
    Update,
    /// It is over, or was nothing.
    Cancel,
}

impl Kind {
    /// The standard's word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Alert => "Alert",
            Kind::Update => "Update",
            Kind::Cancel => "Cancel",
        }
    }
}

/// One transition, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The alert's identifier, then time, state and severity: letters, digits and `-_.~@` alone.
    pub id: String,
    /// What it does.
    pub kind: Kind,
    /// When, by the data's own time.
    pub sent: Timestamp,
    /// How the alert stands from here on.
    pub state: AlertState,
    /// How severe it is from here on.
    pub severity: Severity,
    /// The value that decided it, in the alert's unit.
    pub value: Option<f64>,
    /// Why it changed.
    pub cause: Cause,
    /// A person said that there was nothing, while the condition held.
    pub is_of_no_matter: bool,
    /// Identifier and time of the first message of the chain and of the one before this, each once.
    pub references: Vec<(String, Timestamp)>,
}

/// The messages of an alert, oldest first; none for what is no hazard (see the module). `dismissals` are the moments at
/// which a person closed it as of no matter while its condition held, oldest first, with its severity then: they cancel
/// the chain, and only something worse begins another.
pub fn chain(alert: &Alert, dismissals: &[(Timestamp, Severity)]) -> Vec<Message> {
    let is_absence = |alert: &Alert| {
        alert.timeline.first().is_none_or(|first| first.cause == Cause::Silence)
            || (alert.threshold.is_none() && alert.timeline.iter().all(|moment| moment.value.is_none()))
    };
    if alert.retrospective || is_absence(alert) || !words::is_hazard(&alert.cause) {
        return Vec::new();
    }
    let mut chain = Chain::default();
    let mut dismissals = dismissals.iter().peekable();
    // Of a time-line that is full the oldest after the first went: nobody knows what the second one followed.
    let gap = (alert.timeline.len() >= MOMENTS_MAX).then_some(1);
    for (place, moment) in alert.timeline.iter().enumerate() {
        while let Some((at, severity)) = dismissals.next_if(|(at, _)| *at < moment.at) {
            chain.dismiss(alert, *at, *severity);
        }
        let told = Message {
            id: String::new(),
            kind: if moment.state == AlertState::Cleared { Kind::Cancel } else { Kind::Update },
            sent: moment.at,
            state: moment.state,
            severity: moment.severity,
            value: moment.value,
            cause: moment.cause,
            is_of_no_matter: false,
            references: Vec::new(),
        };
        if gap == Some(place) {
            chain.skip(alert, &told);
        } else {
            chain.tell(alert, told);
        }
    }
    for (at, severity) in dismissals {
        chain.dismiss(alert, *at, *severity);
    }
    chain.told
}

/// The alert of a message, by the message's identifier.
pub fn alert_of(id: &str) -> Option<AlertId> {
    let mut parts = id.rsplitn(4, '~').skip(3);
    parts.next().map(|alert| AlertId(alert.into()))
}

#[derive(Default)]
struct Chain {
    told: Vec<Message>,
    first: Option<(String, Timestamp)>,
    before: Option<(String, Timestamp)>,
    /// How severe it was when a person said that it was nothing.
    dismissed_at: Option<Severity>,
}

impl Chain {
    fn tell(&mut self, alert: &Alert, mut message: Message) {
        if let Some(dismissed_at) = self.dismissed_at {
            if message.severity <= dismissed_at || message.kind == Kind::Cancel {
                return;
            }
            *self = Chain { told: std::mem::take(&mut self.told), ..Chain::default() };
        }
        message.id = id_of(alert, &message);
        match (&self.first, &self.before) {
            (Some(first), Some(before)) => {
                message.references.push(first.clone());
                message.references.extend((before != first).then(|| before.clone()));
            }
            _ if message.kind == Kind::Cancel => return,
            _ => message.kind = Kind::Alert,
        }
        // The same state again in the same microsecond says nothing new.
        if self.told.last().is_none_or(|last| last.id != message.id) {
            self.note(&message);
            self.told.push(message);
        }
    }

    /// Something was told here that cannot be told again as it was.
    fn skip(&mut self, alert: &Alert, message: &Message) {
        let id = id_of(alert, message);
        self.note(&Message { id, ..message.clone() });
    }

    fn note(&mut self, message: &Message) {
        let named = (message.id.clone(), message.sent);
        self.first.get_or_insert_with(|| named.clone());
        self.before = Some(named);
    }

    fn dismiss(&mut self, alert: &Alert, at: Timestamp, severity: Severity) {
        if self.dismissed_at.is_some() || self.first.is_none() {
            return;
        }
        let message = Message {
            id: String::new(),
            kind: Kind::Cancel,
            sent: at,
            state: AlertState::Cleared,
            severity,
            value: None,
            cause: Cause::Closed,
            is_of_no_matter: true,
            references: Vec::new(),
        };
        self.tell(alert, message);
        self.dismissed_at = Some(severity);
    }
}

/// The words of states and severities are of the letters a to z and `_`.
fn id_of(alert: &Alert, message: &Message) -> String {
    let state = if message.is_of_no_matter { "dismissed" } else { message.state.word() };
    format!("{}~{}~{state}~{}", alert.id, message.sent.micros(), message.severity.word())
}

/// A time as the standard writes it: whole seconds, rounded down, with the offset of Viet Nam, which has been +07:00
/// since 1975.
pub(super) fn time_text(at: Timestamp) -> String {
    const EAST_S: i64 = 7 * 3_600;
    let seconds = at.seconds();
    let shifted = Timestamp::from_seconds(seconds.saturating_add(EAST_S));
    shifted.to_string().trim_end_matches('Z').to_owned() + "+07:00"
}

/// See [`super::write`].
pub(super) fn write(message: &Message, about: &About<'_>, config: &Config) -> io::Result<Vec<u8>> {
    let mut sheet = Sheet::begin("alert", NAMESPACE)?;
    sheet.text("identifier", &message.id)?;
    sheet.text("sender", &config.sender)?;
    sheet.text("sent", &time_text(message.sent))?;
    sheet.text("status", config.status.word())?;
    sheet.text("msgType", message.kind.word())?;
    sheet.text_if_any("source", about.source.as_deref().unwrap_or_default())?;
    if config.public {
        sheet.text("scope", "Public")?;
    } else {
        sheet.text("scope", "Restricted")?;
        sheet.text("restriction", "Người được cấp quyền trên hệ thống / those whom the system lets in")?;
    }
    sheet.text("code", "saola:threshold")?;
    if message.is_of_no_matter {
        sheet.text("note", "closed by a person: there was nothing")?;
    }
    if !message.references.is_empty() {
        let named = |(id, sent): &(String, Timestamp)| format!("{},{id},{}", config.sender, time_text(*sent));
        let references: Vec<String> = message.references.iter().map(named).collect();
        sheet.text("references", &references.join(" "))?;
    }
    for language in Language::ALL {
        sheet.element("info", |sheet| info(sheet, message, about, config, language))?;
    }
    sheet.end("alert")
}

fn info(
    sheet: &mut Sheet,
    message: &Message,
    about: &About<'_>,
    config: &Config,
    language: Language,
) -> io::Result<()> {
    sheet.text("language", language.code())?;
    sheet.text("category", words::category(&about.alert.cause, about.station_kind))?;
    sheet.text("event", language.of(&about.alert.title))?;
    if message.kind == Kind::Cancel && matches!(message.cause, Cause::Value | Cause::Settled | Cause::Closed) {
        sheet.text("responseType", "AllClear")?;
    }
    sheet.text("urgency", words::urgency(message))?;
    sheet.text("severity", words::severity(message.severity))?;
    sheet.text("certainty", words::certainty(message, about.is_derived))?;
    sheet.element("eventCode", |sheet| pair(sheet, "saola:cause", &about.alert.cause))?;
    sheet.text("effective", &time_text(message.sent))?;
    sheet.text("onset", &time_text(about.alert.started_at))?;
    sheet.text_if_any("senderName", &config.sender_name)?;
    sheet.text("headline", &words::headline(message, about, language))?;
    sheet.text("description", &words::description(message, about, language))?;
    if message.kind != Kind::Cancel {
        sheet.text_if_any("instruction", about.advice.as_ref().map_or("", |advice| language.of(advice)))?;
    }
    sheet.text_if_any("contact", &config.contact)?;
    let value = message.value.map(|value| value.to_string()).unwrap_or_default();
    let parameters = [
        ("saola:alert", about.alert.id.to_string()),
        ("saola:rule", about.alert.rule.clone()),
        ("saola:state", message.state.word().to_owned()),
        ("saola:severity", message.severity.word().to_owned()),
        ("saola:value", value),
        ("saola:unit", message.value.map_or(String::new(), |_| about.unit.code().to_owned())),
    ];
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        sheet.element("parameter", |sheet| pair(sheet, name, value))?;
    }
    sheet.element("area", |sheet| area(sheet, about, config, language))
}

fn area(sheet: &mut Sheet, about: &About<'_>, config: &Config, language: Language) -> io::Result<()> {
    sheet.text("areaDesc", language.of(&about.place))?;
    for ring in &about.reach.rings {
        sheet.text("polygon", &ring_text(ring))?;
    }
    if let Some(station) = about.reach.station {
        sheet.text("circle", &circle_text(station, config.radius_m))?;
    }
    if let Some(area) = &about.reach.area {
        sheet.element("geocode", |sheet| pair(sheet, "vn:administrative-unit", area.as_str()))?;
    }
    Ok(())
}

fn pair(sheet: &mut Sheet, name: &str, value: &str) -> io::Result<()> {
    sheet.text("valueName", name)?;
    sheet.text("value", value)
}
