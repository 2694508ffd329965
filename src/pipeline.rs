//! pipeline: see DESIGN.
