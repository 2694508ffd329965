//! Logs to standard error and metrics for `/metrics`.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Logs to standard error: for people on a terminal, one JSON object a line otherwise. `directives` are those of
/// `tracing` (`info,saola::mqtt=debug`); the environment's `RUST_LOG` goes before them.
pub fn log(directives: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(directives));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call (a test that starts two services) keeps the first subscriber.
    let _ = if std::io::stderr().is_terminal() {
        subscriber.with_span_events(FmtSpan::NONE).try_init()
    } else {
        subscriber.json().flatten_event(true).try_init()
    };
}

/// Installs the recorder of metrics for this process and gives the handle that renders them.
///
/// # Errors
/// When a recorder is installed already.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets(&[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5])?
        .install_recorder()
}
