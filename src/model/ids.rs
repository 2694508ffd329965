//! Identifiers as types of their own, so that a channel's number cannot be passed where a station's is meant.
//!
//! Numbers (`ChannelId`, `StationNo`, `SourceId`) are handed out once by the registry, are dense from zero and
//! never used again: the journal and the store keep them. Names (`StationId`, `Property`, `AreaId`) are what people
//! and devices write.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A place in the journal: 1 is the first entry ever written, 0 is "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The entry after this one.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The number as an index into the catalogue's dense table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// One observed property at one station; dense, never reused.
    ChannelId(u32)
);
number!(
    /// One station; dense, never reused. The catalogue turns it into the station and back.
    StationNo(u32)
);
number!(
    /// One way in (the embedded edge, a broker, an intake); dense, never reused.
    SourceId(u16)
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the name as it is; where names come from outside, the registry has checked them.
            pub fn new(name: &str) -> Self {
                Self(Arc::from(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name!(
    /// A station's name in topics and addresses: 1 to 64 letters, digits, `-`, `_`, `.`; any script.
    StationId
);
name!(
    /// An observed property in snake case: `pm2_5`, `water_level`, `vehicle_flow`.
    Property
);
name!(
    /// An area's code: the official commune code (`03388`), `12` for the province.
    AreaId
);
