//! What machines are told: one JSON document, the same for webhooks and topics.
//!
//! A single notification has its facts and texts; a digest counts its members and lists each with its own key, so that
//! a receiver that counts keys misses nothing.

use serde::Serialize;
use serde_json::json;

use super::Worded;
use crate::model::LocalName;
use crate::notify::facts::Facts;
use crate::notify::outbox::Errand;
use crate::notify::texts::Member;

/// A member of a digest, short.
#[derive(Serialize)]
struct Line<'e> {
    key: &'e str,
    kind: &'static str,
    alert: &'e str,
    severity: &'static str,
    title: &'e LocalName,
    station: Option<&'e str>,
    area: Option<&'e str>,
    value: Option<f64>,
    changed_at: String,
}

/// The document.
pub(super) fn document(errand: &Errand, worded: &Worded) -> Vec<u8> {
    let document = match errand.members.as_slice() {
        [(_, Member { kind, facts })] => json!({
            "version": 1,
            "key": errand.key,
            "kind": kind.word(),
            "count": 1,
            "alert": alert(facts),
            "text": worded.text,
            "report_token": worded.token,
        }),
        members => json!({
            "version": 1,
            "key": errand.key,
            "kind": "digest",
            "count": members.len(),
            "members": members.iter().map(|(key, member)| line(key, member)).collect::<Vec<_>>(),
            "text": worded.text,
            "report_token": worded.token,
        }),
    };
    document.to_string().into_bytes()
}

fn line<'e>(key: &'e str, Member { kind, facts }: &'e Member) -> Line<'e> {
    Line {
        key,
        kind: kind.word(),
        alert: &facts.alert,
        severity: facts.severity.word(),
        title: &facts.title,
        station: facts.station.as_deref(),
        area: facts.area.as_ref().map(|area| area.as_str()),
        value: facts.value,
        changed_at: facts.changed_at.to_string(),
    }
}

fn alert(facts: &Facts) -> serde_json::Value {
    json!({
        "id": facts.alert,
        "rule": facts.rule,
        "title": facts.title,
        "severity": facts.severity.word(),
        "state": facts.state.word(),
        "station": facts.station,
        "station_name": facts.station_name,
        "kind": facts.kind.map(|kind| kind.word()),
        "property": facts.property,
        "unit": facts.unit,
        "value": facts.value,
        "threshold": facts.threshold,
        "area": facts.area,
        "places": facts.places,
        "position": facts.position,
        "near": facts.near,
        "started_at": facts.started_at.to_string(),
        "changed_at": facts.changed_at.to_string(),
        "ended_at": facts.ended_at.map(|at| at.to_string()),
        "advice": facts.advice,
        "flapping": facts.flapping,
    })
}
