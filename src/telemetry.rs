//! telemetry: see DESIGN.
