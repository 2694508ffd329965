//! Open data: what anybody may read without signing in, how late and how coarse.
//!
//! A data set is the stations of one kind with their newest good values. What could show where a camera trap hangs or a
//! ranger stands is given late and coarse: values as they were [`Dataset::delay`] ago, and places as the middle of the
//! cell of a fixed grid that they lie in, so that several answers together tell no more than one.
//!
//! Invariants: nothing is open that the configuration does not name; a data set of [`StationKind::Forest`] that says
//! nothing of it is a day late and has cells of 5 km. [`dcat`] describes what is open in the words of DCAT 3.

mod config;
mod dcat;
mod grid;

pub use config::{Config, Dataset};
pub use dcat::{Extent, FORMATS, Format, catalog};
pub use grid::coarse;
