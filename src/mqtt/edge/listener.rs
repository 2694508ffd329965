//! Listeners: sockets in, one task for each connection, TLS and WebSocket where they are wanted.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::config::{ClientCertificates, Tls};
use super::connection::Connection;
use super::hello::{Certificate, Turned, greet};
use super::meters::{Meters, RefusedReason};
use super::socket::{Out, Socket, part};
use super::{EdgeError, Shared, answer, certificate, websocket};
use crate::model::Intake;

/// Connections that the kernel may hold for us: thousands of devices come back at once.
const BACKLOG: i32 = 4_096;
/// After an error such as "too many open files" nothing is accepted for this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A peer that has vanished is found out by the kernel, also when it announced no keep-alive.
const PROBE_AFTER: Duration = Duration::from_secs(120);
/// How long a refusal may take to be read.
const PARTING: Duration = Duration::from_secs(1);

/// How clients speak at a listener.
#[derive(Clone)]
pub(super) struct Speech {
    pub tls: Option<TlsAcceptor>,
    /// Whether a certificate must name an account.
    pub certificates: ClientCertificates,
    pub framing: Framing,
}

/// What stands between the socket, or TLS, and MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Bare,
    WebSocket,
}

/// Opens a listening socket.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, EdgeError> {
    let open = || -> io::Result<TcpListener> {
        let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    open().map_err(|source| EdgeError::Bind { address, source })
}

/// Reads certificate and key.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, EdgeError> {
    let pem = |path: &std::path::Path, error: rustls_pki_types::pem::Error| EdgeError::Pem {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| pem(&tls.certificate, error))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| pem(&tls.key, error))?;
    let verifier = tls.client_ca.as_deref().map(|path| verifier(path, tls.client_certificates)).transpose()?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        })
        .and_then(|builder| builder.with_single_cert(certificates, key))
        .map_err(|source| EdgeError::Certificate { path: tls.certificate.clone(), source })?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Checks clients' certificates against the authorities of a file.
fn verifier(path: &Path, wanted: ClientCertificates) -> Result<Arc<dyn ClientCertVerifier>, EdgeError> {
    let pem = |message: String| EdgeError::Pem { path: path.to_owned(), message };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| pem(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| pem(error.to_string()))?;
        roots.add(certificate).map_err(|error| pem(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
    let builder = match wanted {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        ClientCertificates::Required => builder,
    };
    builder.build().map_err(|error| pem(error.to_string()))
}

/// One open connection, counted while it lives.
struct Seat(Arc<Meters>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Accepts until the edge stops.
pub(super) async fn listen<I: Intake>(shared: Arc<Shared<I>>, listener: TcpListener, speech: Speech) {
    loop {
        let accepted = tokio::select! {
            () = shared.stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                shared.warnings.accept(&error);
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !shared.meters.open(shared.limits.connections) {
            shared.meters.refuse(RefusedReason::Connections);
            shared.warnings.connections(shared.limits.connections);
            continue;
        }
        let seat = Seat(shared.meters.clone());
        let connection = attend(shared.clone(), stream, address, speech.clone());
        shared.tasks.spawn(async move {
            connection.await;
            drop(seat);
        });
    }
}

/// A connection from its first byte to its last.
async fn attend<I: Intake>(shared: Arc<Shared<I>>, stream: TcpStream, address: SocketAddr, speech: Speech) {
    let arrived = tokio::select! {
        () = shared.stopping.cancelled() => return,
        arrived = arrive(&shared, stream, address, speech) => arrived,
    };
    // What came before the login is no longer needed while the connection is served.
    if let Some(connection) = arrived {
        connection.serve().await;
    }
}

async fn arrive<I: Intake>(
    shared: &Arc<Shared<I>>,
    stream: TcpStream,
    address: SocketAddr,
    speech: Speech,
) -> Option<Box<Connection<I>>> {
    let options = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER)));
    if options.is_err() {
        return None;
    }
    let (mut socket, certificate) = match open(shared, stream, address, speech).await {
        Ok(opened) => opened,
        Err(reason) => {
            shared.meters.refuse(reason);
            return None;
        }
    };
    let mut out = Out::default();
    let refused = match greet(shared, &mut socket, address.ip(), &certificate, &mut out).await {
        Ok(session) => return Some(Box::new(Connection::new(shared.clone(), socket, out, session))),
        Err(Turned::Gone) => return None,
        Err(Turned::Away(reason)) => {
            shared.meters.refuse(reason);
            return None;
        }
        Err(Turned::Refused(version, refused, reason)) => {
            shared.meters.refuse(reason);
            answer::refuse(version, refused, &mut out.bytes);
            refused
        }
    };
    tracing::debug!(%address, ?refused, "an MQTT client was refused");
    // A client that does not take its refusal has had its chance.
    let _ = timeout(PARTING, part(socket, out, &shared.desks)).await;
    None
}

/// Everything before MQTT: TLS with the client's certificate, and the handshake of WebSocket.
async fn open<I: Intake>(
    shared: &Shared<I>,
    stream: TcpStream,
    address: SocketAddr,
    speech: Speech,
) -> Result<(Socket, Certificate), RefusedReason> {
    let patience = Duration::from_secs(shared.limits.tls_handshake_seconds);
    let mut certificate = Certificate { wanted: speech.certificates, names: Vec::new() };
    let mut socket = match speech.tls {
        None => Socket::Plain(stream),
        Some(acceptor) => {
            let shaken = timeout(patience, acceptor.accept(stream)).await.map_err(|_| RefusedReason::ConnectTimeout)?;
            let stream = shaken.map_err(|error| {
                tracing::debug!(%address, %error, "a TLS handshake failed");
                RefusedReason::Tls
            })?;
            let own = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            certificate.names = own.map(certificate::names).unwrap_or_default();
            Socket::Tls(Box::new(stream))
        }
    };
    if speech.framing == Framing::WebSocket {
        let shaken = timeout(patience, websocket::accept(socket)).await.map_err(|_| RefusedReason::ConnectTimeout)?;
        let web = shaken.map_err(|error| {
            tracing::debug!(%address, %error, "a client was refused");
            RefusedReason::WebSocket
        })?;
        socket = Socket::Web(Box::new(web));
    }
    Ok((socket, certificate))
}
