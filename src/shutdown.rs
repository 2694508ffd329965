//! shutdown: see DESIGN.
