//! `GET /field/sync`: open alerts as short texts that work without a map, as many as a budget of bytes holds.
//!
//! The most severe first, then the most recently changed. What the phone has stands in its cursor: it is told which of
//! it is no more, then what it does not have or what has changed since. Every answer brings at least one step, however
//! small the budget, so that a phone whose connection breaks after each answer has everything in the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::blocking;
use super::report::Seen;
use crate::alerts::workflow::Handling;
use crate::api::door::{Allowed, SeeAlerts};
use crate::api::features::{severity_schema, state_schema};
use crate::api::problem::{Problem, Refused};
use crate::api::query::{Asked, FromParams, Params, word};
use crate::api::time::{Shown, Zone};
use crate::auth::{Permission, may};
use crate::field::cursor::KNOWN_MAX;
use crate::field::{Action, Cursor, Ref, Stamp};
use crate::model::{Alert, AlertId, AlertState, AreaLevel, LocalName, Severity, Timestamp};
use crate::notify::facts::{Facts, Kind, Place, clean};
use crate::notify::texts::{Language, Member, Texts, Told};
use crate::registry::Areas;
use crate::state::State;

/// Bytes of an answer when `budget` is absent, at least, and at most.
const BUDGET_DEFAULT: usize = 16 * 1024;
const BUDGET_MIN: usize = 1_024;
const BUDGET_MAX: usize = 256 * 1024;
/// What an answer takes beside its alerts and its cursor, at most.
const ENVELOPE_BYTES: usize = 400;
/// What one alert more adds to the cursor, at most.
const CURSOR_STEP_BYTES: usize = 11;
/// Names of those who look after an alert.
const NAMES_MAX: usize = 3;
/// Letters of what somebody said last.
const LAST_LENGTH_MAX: usize = 160;

/// What `/field/sync` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SyncAsked {
    /// What the phone has: the `cursor` of the answer before. Absent: nothing yet.
    #[param(value_type = Option<String>)]
    cursor: Cursor,
    /// Bytes that the answer may have before it is compressed: 1,024 to 262,144. One alert is told even if it is larger.
    #[param(value_type = Option<u32>, default = 16384, minimum = 1024, maximum = 262144)]
    budget: usize,
    /// `vi` or `en`; absent: both. With another language than before everything is told anew.
    #[param(value_type = Option<String>, example = "vi")]
    lang: Option<Language>,
}

impl FromParams for SyncAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let bytes = |text: &str| match text.parse::<usize>() {
            Ok(bytes) if (BUDGET_MIN..=BUDGET_MAX).contains(&bytes) => Ok(bytes),
            _ => Err(format!("it is not a whole number from {BUDGET_MIN} to {BUDGET_MAX}")),
        };
        Ok(Self {
            cursor: params.one("cursor", Cursor::parse)?.unwrap_or_default(),
            budget: params.one("budget", bytes)?.unwrap_or(BUDGET_DEFAULT),
            lang: params.one("lang", |text| word(text, &[Language::Vi, Language::En], Language::word))?,
        })
    }
}

/// What a phone does not have yet.
#[derive(Serialize, ToSchema)]
pub struct SyncAnswer {
    /// Who asks.
    #[schema(example = "lan")]
    account: String,
    /// The server's time of this answer: how old it is on the phone follows from it.
    #[schema(value_type = String, format = DateTime)]
    as_of: Shown,
    /// `ref` of alerts that the phone has and that are not open, or not in the caller's areas, any more.
    #[schema(example = json!(["q83vEjQ"]))]
    removed: Vec<String>,
    /// Alerts that are new to the phone or have changed: the most severe first, then the most recently changed.
    alerts: Vec<FieldAlert>,
    /// Whether there is more than the budget holds: ask again with `cursor`.
    more: bool,
    /// What the phone has once it has taken this in: for the next call, now or in a week. At most 5,335 letters.
    #[schema(example = "AQ")]
    cursor: String,
    /// Open alerts in the caller's areas.
    open: usize,
    /// Open alerts beyond the 500 most severe, which is what one phone is given; 0: it gets all.
    withheld: usize,
    /// Whether the caller may close alerts: then the report `false` does.
    may_close: bool,
    /// Whether browsers can subscribe to notifications here.
    can_push: bool,
}

/// An open alert, for a small screen.
#[derive(Serialize, ToSchema)]
pub struct FieldAlert {
    /// A short name of it, for `removed`.
    #[schema(example = "q83vEjQ")]
    r#ref: String,
    /// The alert's identifier.
    id: String,
    /// How severe.
    #[schema(schema_with = severity_schema)]
    severity: &'static str,
    /// Where it stands.
    #[schema(schema_with = state_schema)]
    state: &'static str,
    /// What the station is for; null when it is about a whole area.
    #[schema(value_type = Option<String>, example = "forest")]
    kind: Option<&'static str>,
    /// Longitude and latitude, WGS 84.
    #[schema(example = json!([103.25, 22.36]))]
    position: Option<[f64; 2]>,
    /// When the condition began to hold.
    #[schema(value_type = String, format = DateTime)]
    started_at: Shown,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Shown,
    /// In words, by language: `vi`, `en`, or the one that was asked for.
    #[schema(value_type = Object)]
    text: BTreeMap<&'static str, FieldText>,
    /// How it stands, for reports about it: they are about that.
    #[schema(example = "high.48211")]
    seen: String,
    /// What people did about it.
    handling: FieldHandling,
}

/// An alert in words, each part a line.
#[derive(Serialize, ToSchema)]
pub struct FieldText {
    /// What it is called.
    #[schema(example = "Khói trong rừng")]
    title: String,
    /// Title and level.
    head: String,
    /// Station, or the whole area; forest compartment and commune.
    place: String,
    /// Distance and bearing from the nearest named place.
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<String>,
    /// In WGS 84, and in VN-2000 where its zone reaches.
    coordinates: Vec<String>,
    /// Value and threshold, and of when: a phone is told of another value with the next change of the alert alone.
    value: String,
    /// Since when and until when.
    when: String,
    /// That it comes and goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    flapping: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// What people did about an alert, in short.
#[derive(Serialize, ToSchema)]
pub struct FieldHandling {
    /// Whether somebody looks after it, as severe as it is now.
    acknowledged: bool,
    /// Who, the newest three.
    by: Vec<String>,
    /// Whether nobody is told of it: shelved, or closed while its condition holds.
    quiet: bool,
    /// Why somebody closed it while its condition holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "false_alarm")]
    closed: Option<&'static str>,
    /// The newest that a person did.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastDeed>,
    /// The newest that the caller said of it here, notes left out; null when nothing.
    mine: Option<OwnReport>,
}

/// The newest that a person did about an alert.
#[derive(Serialize, ToSchema)]
pub struct LastDeed {
    /// The account.
    by: String,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// A word of the time-line.
    #[schema(value_type = String, example = "acknowledged")]
    what: &'static str,
    /// What they said, its beginning.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
}

/// The newest that the caller reported.
#[derive(Serialize, ToSchema)]
pub struct OwnReport {
    /// acknowledged, on_my_way, confirmed, false.
    #[schema(value_type = String, example = "on_my_way")]
    action: &'static str,
    /// When, by the phone's clock.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
}

/// Open alerts of the caller's areas that the phone does not have, in so many bytes.
///
/// Begin without `cursor`; while `more` is true ask again with the `cursor` of the answer, later ask with the last one:
/// what was removed is told first, then what is new or has changed, the most severe first. What is not asked for in
/// time is not lost: a cursor is good for ever.
#[utoipa::path(get, path = "/api/v1/field/sync", operation_id = "syncField", tag = "field", params(SyncAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "What is new to the phone", body = SyncAnswer), Refused))]
pub async fn sync(door: Allowed<SeeAlerts>, Asked(asked): Asked<SyncAsked>) -> Result<Json<SyncAnswer>, Problem> {
    let (parts, author) = (door.parts().clone(), door.caller().name.clone());
    let reported = blocking({
        let parts = Arc::clone(&parts);
        move || parts.field.latest_of(&author)
    })
    .await?;
    let (now, areas) = (parts.clock.now(), (parts.areas)());
    let state = parts.state.read();
    let sight = door.sight(&state.catalogue);
    let mut open: Vec<&Arc<Alert>> = state.alerts.open().filter(|alert| sight.reaches(alert.subject.area())).collect();
    open.sort_by_key(|alert| (Reverse(alert.severity), Reverse(alert.changed_at), alert.id.clone()));
    let count = open.len();
    open.truncate(KNOWN_MAX);
    let mut answer = SyncAnswer {
        account: door.caller().name.clone(),
        as_of: Zone::default().show(now),
        removed: Vec::new(),
        alerts: Vec::new(),
        more: false,
        cursor: String::new(),
        open: count,
        withheld: count - open.len(),
        may_close: may(door.caller(), Permission::SettleAlerts),
        can_push: parts.courier.senders().push_key().is_some(),
    };
    let scribe = Scribe {
        state: &state,
        texts: parts.courier.texts(),
        places: areas.labels().map(Place::from).collect(),
        areas: &areas,
        now,
        languages: asked.lang.map_or_else(|| vec![Language::Vi, Language::En], |one| vec![one]),
        reported: &reported,
        author: &door.caller().name,
    };
    answer.fill(asked.cursor, asked.budget, &open, &scribe)?;
    Ok(Json(answer))
}

impl SyncAnswer {
    /// Takes in as much as the budget holds, and something in any case.
    fn fill(
        &mut self,
        mut cursor: Cursor,
        budget: usize,
        open: &[&Arc<Alert>],
        scribe: &Scribe<'_>,
    ) -> Result<(), Problem> {
        let present: BTreeSet<Ref> = open.iter().map(|alert| Ref::of(&alert.id.0)).collect();
        let gone: Vec<Ref> = cursor.names().filter(|name| !present.contains(name)).collect();
        let mut taken = ENVELOPE_BYTES + cursor.length();
        for name in gone {
            let text = name.text();
            taken += text.len() + 3;
            if taken > budget && !self.removed.is_empty() {
                self.more = true;
                break;
            }
            self.removed.push(text);
            cursor.forget(name);
        }
        // Only behind all that was removed: so a cursor never has more than is offered.
        for alert in open.iter().filter(|_| !self.more) {
            let (name, stamp) = (Ref::of(&alert.id.0), scribe.stamp(alert)?);
            if cursor.has(name, stamp) {
                continue;
            }
            // What is about a station that is not in the catalogue is told nowhere.
            let Some(record) = scribe.record(name, alert) else { continue };
            taken += serde_json::to_vec(&record).map_err(Problem::internal)?.len() + 1 + CURSOR_STEP_BYTES;
            if taken > budget && !(self.alerts.is_empty() && self.removed.is_empty()) {
                self.more = true;
                break;
            }
            self.alerts.push(record);
            cursor.note(name, stamp);
        }
        self.cursor = cursor.text();
        Ok(())
    }
}

/// Writes alerts for phones.
struct Scribe<'a> {
    state: &'a State,
    texts: &'a Texts,
    places: Vec<Place>,
    areas: &'a Areas,
    now: Timestamp,
    languages: Vec<Language>,
    reported: &'a BTreeMap<AlertId, (Action, Timestamp)>,
    author: &'a str,
}

impl Scribe<'_> {
    /// Of everything that a record says, but the value, which changes all the time and says of when it is, and what
    /// follows from the registry and the rules (place, names, advice).
    fn stamp(&self, alert: &Alert) -> Result<Stamp, Problem> {
        let languages: Vec<&str> = self.languages.iter().map(|language| language.word()).collect();
        let version = self.state.workflow.version(&alert.id);
        let mine = self.reported.get(&alert.id).map(|(action, at)| (action.word(), *at));
        let alert = (alert.state, alert.severity, alert.changed_at, &alert.title, alert.flapping, alert.quiet);
        postcard::to_stdvec(&(languages, self.author, version, mine, alert))
            .map(|bytes| Stamp::of(&bytes))
            .map_err(Problem::internal)
    }

    fn record(&self, name: Ref, alert: &Alert) -> Option<FieldAlert> {
        let advice = self.state.alerts.advice_of(alert);
        let mut facts = Facts::of(&self.state.catalogue, &self.places, alert, advice.as_ref())?;
        if let Some(compartment) = self.compartment(&facts) {
            // Compartments are named with their commune; once is enough.
            facts.places.retain(|place| !compartment.vi.ends_with(&place.vi));
            facts.places.insert(0, compartment);
        }
        let member = Member { kind: kind(alert.state), facts };
        let text = |language: &Language| {
            let Told { head, place, near, coordinates, value, when, flapping, advice } =
                self.texts.tell(*language, &member);
            let title = language.of(&member.facts.title).to_owned();
            let value = as_of(*language, &value, alert.state, self.now);
            (language.word(), FieldText { title, head, place, near, coordinates, value, when, flapping, advice })
        };
        let zone = Zone::default();
        Some(FieldAlert {
            r#ref: name.text(),
            id: alert.id.to_string(),
            severity: alert.severity.word(),
            state: alert.state.word(),
            kind: member.facts.kind.map(|kind| kind.word()),
            position: member.facts.position.map(|position| [position.lon, position.lat]),
            started_at: zone.show(alert.started_at),
            changed_at: zone.show(alert.changed_at),
            text: self.languages.iter().map(text).collect(),
            seen: Seen::of(alert, self.state.workflow.handling(&alert.id)).text(),
            handling: self.handling(alert, &zone),
        })
    }

    /// The forest compartment in which it lies.
    fn compartment(&self, facts: &Facts) -> Option<LocalName> {
        let today = Zone::default().date(self.now);
        let found = self.areas.locate_at(facts.position?, AreaLevel::ForestCompartment, today)?;
        let name = |name: &str| clean(name, 120);
        Some(LocalName { vi: name(&found.area.name.vi), en: name(&found.area.name.en) })
    }

    fn handling(&self, alert: &Alert, zone: &Zone) -> FieldHandling {
        let handling = self.state.workflow.handling(&alert.id);
        let mut by = handling.map(|handling| stands_for(handling, alert.severity)).unwrap_or_default();
        let is_mine = by.iter().any(|name| name == self.author);
        by.truncate(NAMES_MAX);
        let newest = handling.and_then(|handling| handling.deeds.iter().rev().find(|deed| deed.author.is_some()));
        let mine = self.reported.get(&alert.id).copied();
        let own = || handling?.acknowledged.iter().find(|one| one.by == self.author).filter(|_| is_mine);
        let mine = mine.or_else(|| own().map(|one| (Action::Acknowledged, one.at)));
        FieldHandling {
            acknowledged: self.state.workflow.acknowledged(alert).is_some(),
            by,
            quiet: alert.quiet,
            closed: handling.and_then(|handling| handling.closed.as_ref()).map(|closed| closed.cause.word()),
            last: newest.map(|deed| LastDeed {
                by: deed.author.clone().unwrap_or_default(),
                at: zone.show(deed.at),
                what: deed.did.word(),
                text: clean(deed.did.text(), LAST_LENGTH_MAX),
            }),
            mine: mine.map(|(action, at)| OwnReport { action: action.word(), at: zone.show(at) }),
        }
    }
}

/// Who looks after it as severe as it is, the newest first.
fn stands_for(handling: &Handling, severity: Severity) -> Vec<String> {
    let standing = handling.acknowledged.iter().rev().filter(|one| one.severity >= severity);
    standing.map(|one| one.by.clone()).collect()
}

/// A value with the time of the answer in which it is told: on the phone it grows old. Below the threshold it says so.
fn as_of(language: Language, value: &str, state: AlertState, now: Timestamp) -> String {
    let at = now.to_jiff().to_zoned(Zone::default().zone().clone()).strftime("%H:%M");
    let is_below = state == AlertState::Recovering;
    match language {
        Language::Vi => format!("{value} (lúc {at}{})", if is_below { "; đang hồi phục" } else { "" }),
        Language::En => format!("{value} (at {at}{})", if is_below { "; recovering" } else { "" }),
    }
}

/// As what it is told.
fn kind(state: AlertState) -> Kind {
    match state {
        AlertState::Unknown => Kind::Unknown,
        AlertState::Cleared => Kind::Resolved,
        AlertState::Active | AlertState::Recovering | AlertState::Latched => Kind::Raised,
    }
}
