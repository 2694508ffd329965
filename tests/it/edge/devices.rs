//! Devices with credentials and certificates of their own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use saola::clock::Clock;
use saola::model::SourceId;
use saola::mqtt::edge::{Access, ClientCertificates, Device, Edge, Retain, Tls};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::double::{HandIntake, config, edge_for};
use super::tls::certificate;
use crate::mqtt_client::{Client, V3, V5, Wish, connect_for, publish};
use crate::wait::eventually;

fn device(name: &str, secret: &str, stations: &[&str]) -> Device {
    let stations = stations.iter().map(|station| (*station).to_owned()).collect();
    Device { name: name.to_owned(), secret_hash: Sha256::digest(secret.as_bytes()).into(), stations }
}

fn guarded() -> Access {
    Access::configured(&[]).unwrap()
}

const LOGIN: Option<(&str, &[u8])> = Some(("logger-1", b"secret"));

#[tokio::test]
async fn a_device_does_what_its_stations_allow_and_no_more() {
    let intake = HandIntake::instant();
    let edge = edge_for(&config(), &intake, guarded());
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1", "đồi-1"])]);
    for (version, wrong) in [(V3, 4), (V5, 0x86)] {
        let mut stranger = Client::open(edge.address(), version).await;
        assert_eq!(stranger.hello("x", Some(("logger-1", b"guess"))).await.reason(), wrong);
    }
    let mut client = Client::open(edge.address(), V5).await;
    assert_eq!(client.hello("logger-1", LOGIN).await.reason(), 0);
    for (id, topic, reason) in [(1, "saola/v1/TR-1", 0), (2, "saola/v1/đồi-1/pm10", 0), (3, "saola/v1/TR-2", 0x87)] {
        client.publish(topic, id, b"{}").await;
        assert_eq!(client.next().await.reason(), reason, "{topic}");
    }
    assert_eq!(client.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    assert_eq!(client.subscribe("saola/v1/TR-2/commands", 1).await, 0x87);
    assert_eq!(client.subscribe("saola/v1/alerts/#", 1).await, 0x87);
    assert_eq!(intake.taken_count(), 2);
}

#[tokio::test]
async fn a_revoked_device_is_cut_off_and_nothing_waits_for_it() {
    let edge = edge_for(&config(), &HandIntake::instant(), guarded());
    let other = || device("logger-2", "other", &["TR-1"]);
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1"]), other()]);
    let session = Wish { login: LOGIN, session_s: 3_600, ..Wish::default() };
    let (mut away, _) = Client::arriving(edge.address(), V5, "away", &session).await;
    assert_eq!(away.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    drop(away);
    let (mut here, _) = Client::arriving(edge.address(), V5, "here", &session).await;
    let unaffected = Wish { login: Some(("logger-2", b"other")), ..Wish::default() };
    let (mut unaffected, _) = Client::arriving(edge.address(), V3, "unaffected", &unaffected).await;
    assert_eq!(edge.status().sessions, 2);

    edge.set_devices(vec![other()]);
    assert_eq!(here.closed().await[0].reason(), 0x98);
    assert_eq!(edge.status().sessions, 0);
    assert!(edge.commands().send("TR-1", "x", Retain::No, None).await.is_err(), "nobody is left");
    let mut again = Client::open(edge.address(), V5).await;
    again.send(&connect_for(V5, "here", &session)).await;
    assert_eq!(again.next().await.reason(), 0x86);
    unaffected.send(&publish(V3, "saola/v1/TR-1", 1, b"{}")).await;
    assert_eq!(unaffected.pubacks(1).await, [1]);
    assert_eq!(edge.status().refused["revoked"], 1);
}

#[tokio::test]
async fn a_narrowed_device_must_come_again() {
    let edge = edge_for(&config(), &HandIntake::instant(), guarded());
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1", "TR-2"])]);
    let session = Wish { login: LOGIN, session_s: 3_600, ..Wish::default() };
    let (mut client, _) = Client::arriving(edge.address(), V3, "c", &session).await;
    for station in ["TR-1", "TR-2"] {
        assert_eq!(client.subscribe(&format!("saola/v1/{station}/commands"), 1).await, 1);
    }
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1"])]);
    client.closed_silently().await;
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    let (_client, present) = Client::arriving(edge.address(), V3, "c", &session).await;
    assert!(present, "its session is kept, without what it may not have");
    assert!(edge.commands().send("TR-2", "x", Retain::No, None).await.is_err());
    assert_eq!(edge.commands().send("TR-1", "x", Retain::No, None).await.unwrap().connected, 1);
}

#[tokio::test]
async fn a_name_that_is_issued_again_is_another_device() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let start = |secret: &str| {
        let access = guarded();
        access.set_devices(vec![device("logger-1", secret, &["TR-1"])]);
        let way_in = (HandIntake::instant(), SourceId(0));
        Edge::start_with(&config(), way_in, access, Clock::System, Some(&file)).unwrap()
    };
    let edge = start("secret");
    let session = |secret: &'static str| Wish {
        login: Some(("logger-1", secret.as_bytes())),
        session_s: 3_600,
        ..Wish::default()
    };
    let (mut first, _) = Client::arriving(edge.address(), V5, "c", &session("secret")).await;
    assert_eq!(first.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    edge.set_devices(vec![device("logger-1", "second", &["TR-1"])]);
    assert_eq!(first.closed().await[0].reason(), 0x98);
    let (mut second, present) = Client::arriving(edge.address(), V5, "c", &session("second")).await;
    assert!(!present, "what the first one left is not the second one's");
    assert!(edge.commands().send("TR-1", "x", Retain::No, None).await.is_err());
    assert_eq!(second.subscribe("saola/v1/TR-1/commands", 1).await, 1);
    edge.stop().await;
    drop(edge);

    let edge = start("second");
    assert_eq!(edge.status().sessions, 1, "the same holder");
    edge.stop().await;
    drop(edge);
    let edge = start("third");
    assert_eq!(edge.status().sessions, 0, "another one");
    let (_third, present) = Client::arriving(edge.address(), V5, "c", &session("third")).await;
    assert!(!present);
}

#[tokio::test]
async fn commands_of_a_station_that_a_device_lost_do_not_wait_for_it() {
    let edge = edge_for(&config(), &HandIntake::instant(), guarded());
    let both = || vec![device("logger-1", "secret", &["TR-1", "TR-2"])];
    edge.set_devices(both());
    let session = Wish { login: LOGIN, session_s: 3_600, ..Wish::default() };
    let (mut client, _) = Client::arriving(edge.address(), V5, "c", &session).await;
    for station in ["TR-1", "TR-2"] {
        assert_eq!(client.subscribe(&format!("saola/v1/{station}/commands"), 1).await, 1);
    }
    // One that was sent and not acknowledged, and one that never went out.
    edge.commands().send("TR-2", "unacknowledged", Retain::No, None).await.unwrap();
    assert_eq!(client.next().await.message(V5).2, b"unacknowledged");
    drop(client);
    eventually("the connection to end", async || (edge.status().connections == 0).then_some(())).await;
    for station in ["TR-2", "TR-1"] {
        assert_eq!(edge.commands().send(station, station, Retain::No, None).await.unwrap().waiting, 1);
    }
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1"])]);
    // Given back: what was taken stays away.
    edge.set_devices(both());
    let (mut client, present) = Client::arriving(edge.address(), V5, "c", &session).await;
    assert!(present);
    assert_eq!(client.next().await.message(V5).2, b"TR-1");
    client.nothing().await;
    assert_eq!(edge.status().alerts_dropped, 2);
}

/// An authority, and what it signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: PathBuf,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), folder: folder.to_owned(), file }
    }

    /// A client's certificate and key.
    fn sign(&self, common: &str, alternatives: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = alternatives.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let (certificate, secret) = (self.folder.join("client.pem"), self.folder.join("client.key"));
        std::fs::write(&certificate, signed.pem()).unwrap();
        std::fs::write(&secret, key.serialize_pem()).unwrap();
        (certificate, secret)
    }
}

async fn connect_tls(edge: &Edge, server: &Path, own: Option<(PathBuf, PathBuf)>) -> Client<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    let stream = TcpStream::connect(edge.tls_address().unwrap()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    Client::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap(), V5)
}

fn tls_edge(folder: &Path, authority: &Authority, wanted: ClientCertificates) -> (Edge, PathBuf) {
    let (server, key) = certificate(folder);
    let mut config = config();
    let mut tls = Tls::new(config.listen, server.clone(), key);
    (tls.client_ca, tls.client_certificates) = (Some(authority.file.clone()), wanted);
    config.tls = Some(tls);
    let edge = edge_for(&config, &HandIntake::instant(), guarded());
    edge.set_devices(vec![device("logger-1", "secret", &["TR-1"]), device("logger-2", "secret", &["TR-2"])]);
    (edge, server)
}

#[tokio::test]
async fn a_certificate_s_name_is_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (edge, server) = tls_edge(folder.path(), &authority, ClientCertificates::Optional);
    for (common, alternatives) in [("logger-1", &[][..]), ("serial 0815", &["logger-1"][..])] {
        let mut client = connect_tls(&edge, &server, Some(authority.sign(common, alternatives))).await;
        assert_eq!(client.hello("c", None).await.reason(), 0, "{common}");
        client.publish("saola/v1/TR-1", 1, b"{}").await;
        assert_eq!(client.next().await.reason(), 0);
        client.publish("saola/v1/TR-2", 2, b"{}").await;
        assert_eq!(client.next().await.reason(), 0x87);
    }
    let mut pretender = connect_tls(&edge, &server, Some(authority.sign("logger-1", &[]))).await;
    assert_eq!(pretender.hello("d", Some(("logger-2", b""))).await.reason(), 0x86);
    let mut unknown = connect_tls(&edge, &server, Some(authority.sign("nobody", &[]))).await;
    assert_eq!(unknown.hello("e", None).await.reason(), 0x86);
    let mut with_password = connect_tls(&edge, &server, None).await;
    assert_eq!(with_password.hello("f", LOGIN).await.reason(), 0);
    edge.set_devices(vec![]);
    let mut revoked = connect_tls(&edge, &server, Some(authority.sign("logger-1", &[]))).await;
    assert_eq!(revoked.hello("g", None).await.reason(), 0x86);
}

#[tokio::test]
async fn where_certificates_are_required_nothing_else_opens() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (edge, server) = tls_edge(folder.path(), &authority, ClientCertificates::Required);
    let mut client = connect_tls(&edge, &server, Some(authority.sign("logger-1", &[]))).await;
    assert_eq!(client.hello("c", None).await.reason(), 0);
    let mut unknown = connect_tls(&edge, &server, Some(authority.sign("nobody", &[]))).await;
    assert_eq!(unknown.hello("d", LOGIN).await.reason(), 0x86);
    let forged = Authority::new(folder.path(), "forged").sign("logger-1", &[]);
    for own in [None, Some(forged)] {
        // TLS 1.3 tells a client after its own last word.
        let mut refused = connect_tls(&edge, &server, own).await;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut refused.stream, &connect_for(V5, "e", &Wish::default())).await;
        assert_eq!(refused.packet().await, None);
    }
    assert_eq!(edge.status().refused["tls"], 2);
}
