//! The client that asks services over HTTP in tests and benchmarks.

/// A client for HTTP. The crate has no cryptography of its own to begin with.
pub fn asking() -> reqwest::Client {
    // An error says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}
