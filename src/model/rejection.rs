//! Why a reading or a whole message was not taken. The reasons are a closed list: they are metric labels too.

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// A closed list; the word is the label in metrics, the ledger and dead letters. Order is part of the
        /// journal's format: append only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in order.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The label.
            pub fn word(self) -> &'static str {
                match self { $(Reason::$variant => $word,)* }
            }

            /// From the number used in the journal: the place in [`Reason::ALL`].
            pub fn from_index(index: u8) -> Option<Reason> {
                Reason::ALL.get(usize::from(index)).copied()
            }
        }
    };
}

reasons! {
    /// The topic matches no declared source.
    UnknownTopic = "unknown_topic",
    /// No bytes.
    EmptyPayload = "empty_payload",
    /// More bytes than the limit.
    PayloadTooLarge = "payload_too_large",
    /// Not UTF-8 where text is required.
    InvalidUtf8 = "invalid_utf8",
    /// Not JSON, or cut off.
    InvalidJson = "invalid_json",
    /// JSON, but objects or arrays inside objects, which the native form does not have.
    NestedTooDeep = "nested_too_deep",
    /// JSON, but neither an object, an array of objects, nor (on a property topic) a number.
    WrongShape = "wrong_shape",
    /// A value that is not a number.
    WrongType = "wrong_type",
    /// A number that a double cannot hold (1e400).
    NotFinite = "not_finite",
    /// The same key twice in one object: which one is meant cannot be known.
    DuplicateKey = "duplicate_key",
    /// More readings in one message than the limit.
    TooManyReadings = "too_many_readings",
    /// An object without any value.
    NoReadings = "no_readings",
    /// A time that is not in an accepted form.
    InvalidTime = "invalid_time",
    /// A status outside the documented words.
    InvalidStatus = "invalid_status",
    /// No such station in the registry.
    UnknownStation = "unknown_station",
    /// The station has no such channel.
    UnknownProperty = "unknown_property",
    /// Outside the channel's plausible range.
    Implausible = "implausible",
    /// Further ahead of the received time than clocks may differ.
    FutureTime = "future_time",
    /// Before the earliest time that is believed, or of a day whose samples were deleted for their age.
    TooOld = "too_old",
    /// A retained message without a time: its age cannot be known.
    RetainedWithoutTime = "retained_without_time",
    /// The station or the channel was taken out of service.
    Retired = "retired",
    /// InfluxDB refused the point for good: its time, its type or its name. Told by the store, never in the journal.
    RefusedByStore = "refused_by_store",
    /// A unit that is not known, or that measures something else than the channel's.
    WrongUnit = "wrong_unit",
    /// Not the CBOR, protobuf or Cayenne LPP that it should be, or cut off.
    InvalidBinary = "invalid_binary",
    /// Valid by its standard, but no quantity: a text, bytes, a table.
    NotAQuantity = "not_a_quantity",
    /// A part of a standard that must be understood and is not.
    Unsupported = "unsupported",
    /// A value under a name or alias that no birth certificate has told.
    UnknownAlias = "unknown_alias",
    /// The channel's values are computed here from those of others.
    DerivedChannel = "derived_channel",
}

/// A detail is for a person to read.
const DETAIL_BYTES_MAX: usize = 200;
/// How much of a sender's own name stands in it.
const NAME_BYTES_MAX: usize = 80;

fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=text.len().min(bytes_max)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// One reading (or a whole message) that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// What exactly was wrong, for a person: names the property and the limit, at most 200 bytes.
    pub detail: String,
}

impl Rejection {
    /// With a detail of at most 200 bytes.
    pub fn new(reason: Reason, detail: &str) -> Self {
        Self { reason, detail: cut(detail, DETAIL_BYTES_MAX).to_owned() }
    }

    /// Of a reading whose station nobody registered.
    pub fn unknown_station(station: &str) -> Self {
        let station = cut(station, NAME_BYTES_MAX);
        Self::new(Reason::UnknownStation, &format!("station {station} is not registered"))
    }

    /// Of a reading whose station has no such channel.
    pub fn unknown_property(station: &str, property: &str) -> Self {
        let property = cut(property, NAME_BYTES_MAX);
        Self::new(Reason::UnknownProperty, &format!("station {station} has no channel {property}"))
    }

    /// Whether it was refused because of this station's name or of a property of it that nobody knows. Names are cut in
    /// the detail: for one longer than that, another with the same beginning is taken for it too.
    pub fn is_of_unknown(&self, station: &str) -> bool {
        match self.reason {
            Reason::UnknownStation => *self == Rejection::unknown_station(station),
            Reason::UnknownProperty => {
                let beginning = format!("station {station} has no channel ");
                self.detail.starts_with(cut(&beginning, DETAIL_BYTES_MAX))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rejection: &Rejection, station: &str, expected: bool) {
        assert_eq!(rejection.is_of_unknown(station), expected, "{rejection:?} {station}");
    }

    #[test]
    fn a_refusal_for_an_unknown_name_is_found_by_the_name() {
        let long = "đ".repeat(64);
        for name in ["Đồn-7", "A", &long] {
            check(&Rejection::unknown_station(name), name, true);
            check(&Rejection::unknown_property(name, "p"), name, true);
            check(&Rejection::new(Reason::Implausible, "station A is not registered"), name, false);
        }
        check(&Rejection::unknown_station("A-1"), "A", false);
        check(&Rejection::unknown_property("A-1", "p"), "A", false);
        check(&Rejection::unknown_property("A", "p"), "A-1", false);
    }
}
