//! The vocabulary: what a message, a reading, a sample, an entry, a station and an alert are.
//!
//! No I/O, no clock, no HTTP. Every stage imports this module and no other stage; the type of a value says
//! which checks it has passed: `RawMessage` -> `Reading` -> `Sample` | `Rejection` -> `Entry` -> `Change`, `Transition`.

mod alert;
mod area;
mod catalogue;
mod derived;
mod entry;
mod facts;
mod footprint;
mod freshness;
mod ids;
mod incident;
mod intake;
mod listening;
mod mistake;
mod place;
mod policy;
mod quality;
mod reading;
mod rejection;
mod rhythm;
mod span;
mod station;
mod time;
mod unit;
mod workflow;

pub use alert::{Alert, AlertId, AlertState, Cause, Closing, Moment, Severity, Subject, Transition};
pub use area::{Area, AreaFacts, AreaLevel, ForestType, Validity};
pub use catalogue::{Catalogue, CatalogueError};
pub use derived::{Derived, DerivedValue};
pub use entry::{Again, Body, Entry, Keep, Message, RawCopy, RuleFile, StationCommand, UnknownName};
pub use facts::{Corrections, Deaf, DeviceFact, DeviceReport, MaintenanceCommand, Outage, Said, Window};
pub use footprint::{Extent, Footprint};
pub use freshness::{Freshness, clock_was_set_back, fresh_for, fresh_until, freshness};
pub use ids::{AreaId, ChannelId, Property, Seq, SourceId, StationId, StationNo};
pub use incident::IncidentId;
pub use intake::{Durable, Intake, Refusal};
pub use listening::{Listening, Pause, TICK_GAP};
pub use mistake::Mistake;
pub use place::{LocalName, METRES_PER_DEGREE, Position};
pub use policy::{Awake, Limits, Policy, Step, Stuck};
pub use quality::Quality;
pub use reading::{Arrival, Judged, RawMessage, Reading, Row, Rows, Sample, Status, TimeClass};
pub use rejection::{Reason, Rejection};
pub use rhythm::Rhythm;
pub use span::{NotASpan, Span};
pub use station::{Channel, FormerPlace, LinkClass, Range, Station, StationKind};
pub use time::Timestamp;
pub use unit::Unit;
pub use workflow::{
    AlertCommand, CloseCause, CommandKey, DeliveryFailed, Escalation, EscalationCause, EscalationPlan, Ladder,
    LadderStep, Order, PersonId, Recipient, Reminders, Word,
};
