//! state: see DESIGN.
