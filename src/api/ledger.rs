//! `GET /ledger`: what came in by each source and what became of it.
//!
//! `received` = `stored` + `duplicate` + `rejected` + `pending` at any time; `pending` is on its way from the journal to
//! the store and is zero when the service is idle. What the store refuses for good (InfluxDB may) moves from pending to
//! rejected. The counts are of readings, since the journal began, up to the entry that the state has applied: where
//! the store is ahead of it, all that the state knows of is stored.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::door::{Allowed, SeeLedger};
use super::problem::{Problem, Refused};
use super::query::{Asked, Nothing};
use crate::model::Reason;
use crate::state::Missing;

/// Devices that one answer tells of.
const DEVICES_MAX: usize = 1_000;

/// The ledger.
#[derive(Serialize, ToSchema)]
pub struct LedgerDocument {
    /// One entry a source by which anything ever came, in order of their first use.
    sources: Vec<SourceEntry>,
    /// Their sums.
    total: Tally,
    /// Whether received = stored + duplicate + rejected in every source, with nothing pending.
    balanced: bool,
    /// Messages that are missing by the devices' own numbering, of all devices.
    missing_messages: u64,
    /// Devices that are no station of ours (an edge node, a gateway) and have gaps in their numbering; at most 1,000.
    /// Those of stations stand with the station.
    devices: Vec<DeviceEntry>,
}

/// A device that is no station.
#[derive(Serialize, ToSchema)]
pub struct DeviceEntry {
    /// The source's name.
    #[schema(example = "sparkplug")]
    source: String,
    /// The sender's name of it.
    #[schema(example = "Lai Châu/gateway-1")]
    device: String,
    /// How often numbers were skipped.
    gaps: u64,
    /// How many messages are missing.
    missing_messages: u64,
}

/// One source's entry.
#[derive(Serialize, ToSchema)]
pub struct SourceEntry {
    /// The source's name.
    #[schema(example = "edge")]
    source: String,
    /// The counts.
    #[serde(flatten)]
    tally: Tally,
}

/// Counts of readings since the journal began.
#[derive(Clone, Default, Serialize, ToSchema)]
pub struct Tally {
    /// Messages that the readings came in.
    messages: u64,
    /// Readings found in them; a message that could not be decoded counts as one.
    received: u64,
    /// Of those, readings that came in messages handed in again from the dead letters: `received - replayed` is what
    /// senders sent. The first refusal of a message that is handed in again stays counted.
    replayed: u64,
    /// Readings in the store.
    stored: u64,
    /// Readings that were there already, with the same time and value.
    duplicate: u64,
    /// Readings refused.
    rejected: u64,
    /// Readings journaled and not yet in the store.
    pending: u64,
    /// Readings refused, by reason.
    #[schema(value_type = BTreeMap<String, u64>, example = json!({"implausible": 3}))]
    reasons: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.messages += other.messages;
        self.received += other.received;
        self.replayed += other.replayed;
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.rejected += other.rejected;
        self.pending += other.pending;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
    }

    fn balances(&self) -> bool {
        self.pending == 0 && self.received == self.stored + self.duplicate + self.rejected
    }
}

/// What came in and what became of it, by source.
#[utoipa::path(get, path = "/api/v1/ledger", operation_id = "readLedger", tag = "intake",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The ledger", body = LedgerDocument), Refused))]
pub async fn read(door: Allowed<SeeLedger>, Asked(Nothing): Asked<Nothing>) -> Result<Json<LedgerDocument>, Problem> {
    let parts = door.parts();
    let (stored, refused) = (parts.store.stored_counts(), parts.store.refused_counts());
    let state = parts.state.read();
    let mut total = Tally::default();
    let mut sources = Vec::new();
    for (id, counts) in state.ledger.sources() {
        let [stored, refused] = [&stored, &refused].map(|counts| counts.get(&id).copied().unwrap_or(0));
        let refused = refused.min(counts.taken);
        let stored = stored.min(counts.taken - refused);
        let mut reasons: BTreeMap<_, _> =
            counts.rejected_by_reason().map(|(reason, count)| (reason.word(), count)).collect();
        if refused > 0 {
            *reasons.entry(Reason::RefusedByStore.word()).or_default() += refused;
        }
        let tally = Tally {
            messages: counts.messages,
            received: counts.received,
            replayed: state.ledger.replayed_of(id),
            stored,
            duplicate: counts.duplicate,
            rejected: counts.rejected() + refused,
            pending: counts.taken - refused - stored,
            reasons,
        };
        total.add(&tally);
        sources.push(SourceEntry { source: state.catalogue.source(id).to_owned(), tally });
    }
    let balanced = sources.iter().all(|entry| entry.tally.balances());
    let entry = |(source, device, missing): (_, &str, Missing)| DeviceEntry {
        source: state.catalogue.source(source).to_owned(),
        device: device.to_owned(),
        gaps: missing.gaps,
        missing_messages: missing.messages,
    };
    let devices = state.devices.unplaced().take(DEVICES_MAX).map(entry).collect();
    let missing_messages = state.devices.messages_missing();
    Ok(Json(LedgerDocument { sources, total, balanced, missing_messages, devices }))
}
