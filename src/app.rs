//! app: see DESIGN.
