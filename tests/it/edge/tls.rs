//! The TLS listener.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use saola::clock::Clock;
use saola::model::SourceId;
use saola::mqtt::edge::{Access, Edge, EdgeError, Tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::double::{HandIntake, config, edge};
use crate::mqtt_client::{Client, V3, V5};

/// Writes a certificate for `localhost` and its key; returns their paths.
pub fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, signed.cert.pem()).unwrap();
    std::fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

pub async fn tls(address: SocketAddr, certificate: &Path, name: &'static str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
}

#[tokio::test]
async fn messages_are_taken_and_answered_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mut config = config();
    config.tls = Some(Tls::new(config.listen, certificate.clone(), key));
    let intake = HandIntake::by_hand();
    let edge = edge(&config, &intake);
    let address = edge.tls_address().unwrap();
    for (version, first) in [(V3, 1), (V5, 101)] {
        let stream = tls(address, &certificate, "localhost").await.unwrap();
        let mut client = Client::over(stream, version);
        client.version = version;
        assert_eq!(client.hello("a", None).await.reason(), 0);
        for id in 1..=100 {
            client.publish("saola/v1/a", id, &[b'x'; 2_000]).await;
        }
        intake.has_taken(first + 99).await;
        client.nothing().await;
        intake.commit(first as u64 + 99);
        assert_eq!(client.pubacks(100).await, (1..=100).collect::<Vec<u16>>());
    }
}

#[tokio::test]
async fn what_is_no_tls_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mut config = config();
    config.limits.tls_handshake_seconds = 1;
    config.tls = Some(Tls::new(config.listen, certificate.clone(), key));
    let edge = edge(&config, &HandIntake::instant());
    let address = edge.tls_address().unwrap();
    let mut plain = Client::open(address, V3).await;
    plain.send(&crate::mqtt_client::connect(V3, "a", None, 60)).await;
    plain.closed().await;
    let mut silent = Client::open(address, V3).await;
    silent.closed_silently().await;
    assert!(tls(address, &certificate, "example.org").await.is_err());
    let settled = async {
        while edge.status().connections > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::mqtt_client::PATIENCE, settled).await.unwrap();
    let refused = edge.status().refused;
    assert_eq!((refused["tls"], refused["connect_timeout"]), (2, 1));
}

#[tokio::test]
async fn a_missing_or_foreign_key_is_told_before_any_port_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate_path, _) = certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (_, foreign) = certificate(other.path());
    let start = |key: PathBuf| {
        let mut config = config();
        config.tls = Some(Tls::new(config.listen, certificate_path.clone(), key));
        Edge::start(&config, HandIntake::instant(), Access::open(), SourceId(0), Clock::System).err().unwrap()
    };
    assert!(matches!(start(folder.path().join("absent.pem")), EdgeError::Pem { .. }));
    assert!(matches!(start(certificate_path.clone()), EdgeError::Pem { .. }));
    assert!(matches!(start(foreign), EdgeError::Certificate { .. }));
}
