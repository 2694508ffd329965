//! config: see DESIGN.
