//! From our configuration to the crate's options: session kept, acknowledgements by hand, TLS, credentials.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{MqttOptions, TlsConfiguration, Transport};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Config;

/// Why a client could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A file named in the configuration cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file of authorities holds no usable certificate.
    #[error("{path} holds no certificate that can be used: {reason}")]
    Certificate {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Options for a connection that only publishes at the same broker: without a session. The client identifier must be
/// another than the reader's.
pub fn publisher_options(config: &Config) -> Result<MqttOptions, ClientError> {
    let mut options = mqtt_options(config)?;
    options.set_clean_session(true).set_manual_acks(false);
    Ok(options)
}

pub(super) fn mqtt_options(config: &Config) -> Result<MqttOptions, ClientError> {
    let mut options = MqttOptions::new(config.client_id.as_str(), config.host.as_str(), config.port);
    options
        .set_clean_session(false)
        .set_manual_acks(true)
        .set_keep_alive(Duration::from_secs(config.keep_alive_seconds.into()))
        .set_max_packet_size(config.packet_bytes_max, config.packet_bytes_max);
    if !config.username.is_empty() {
        let password = match &config.password_file {
            Some(path) => read(path)?.lines().next().unwrap_or_default().to_owned(),
            None => String::new(),
        };
        options.set_credentials(config.username.as_str(), password);
    }
    if let Some(path) = &config.ca_file {
        let tls = TlsConfiguration::Rustls(Arc::new(tls_config(path)?));
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}

fn read(path: &Path) -> Result<String, ClientError> {
    std::fs::read_to_string(path).map_err(|source| ClientError::File { path: path.to_owned(), source })
}

fn tls_config(path: &Path) -> Result<ClientConfig, ClientError> {
    let broken = |reason: String| ClientError::Certificate { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(read(path)?.as_bytes()) {
        let certificate = certificate.map_err(|error| broken(error.to_string()))?;
        roots.add(certificate).map_err(|error| broken(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(broken("no PEM block".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
