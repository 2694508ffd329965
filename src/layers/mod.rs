//! Layers of the map: what can be drawn of one moment, as features, clusters and vector tiles.
//!
//! A layer is drawn from a [`Picture`] and from nothing else: which moment that is of, and where it comes from, is the
//! business of whoever makes it. [`Canvas`] keeps the picture of now from the live state, feed and areas; a past moment
//! is a [`Draft`] whose closures look into the history ([`past`]):
//!
//! ```text
//! Draft { at, revision, catalogue, areas, is_drawn, look, alerts, incidents }  --Picture::draw-->  Picture
//! Picture: at, revision, catalogue, areas, alerts, incidents, and by station a Shown { station, pin, looks, world }
//! ```
//!
//! Left out on purpose: HTTP and who may see what (the API's, which hands in which areas are in sight).

pub mod areas;
mod bands;
pub mod canvas;
pub mod caption;
pub mod catalogue;
pub mod clip;
pub mod dots;
pub mod look;
pub mod mercator;
pub mod mvt;
mod order;
pub mod past;
pub mod picture;
pub mod points;
pub mod sight;
pub mod surface;
pub mod tally;
pub mod tile;
pub mod wish;

pub use canvas::Canvas;
pub use catalogue::{Geometry, Layer};
pub use look::{Look, Newest};
pub use mercator::TileId;
pub use picture::{Draft, IncidentPart, IncidentView, Picture, Pin, Shown};
pub use sight::Sight;
pub use surface::Field;
pub use wish::Wish;

#[cfg(test)]
mod tests;
