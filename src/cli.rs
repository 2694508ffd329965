//! cli: see DESIGN.
