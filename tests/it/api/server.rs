//! The server itself: time-outs, caps, headers, stop.

use std::net::SocketAddr;
use std::time::Duration;

use saola::api::{Config, Demo, Server};
use saola::model::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::house::House;

/// Longer than anything here takes; a test that meets it fails.
const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    house: House,
    server: Server,
    address: SocketAddr,
}

async fn served(change: impl FnOnce(&mut Config)) -> Served {
    let mut config = Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::default() };
    change(&mut config);
    let house = House::with(Demo::Loopback, config);
    let server = Server::start(&house.parts.config, house.router.clone(), house.parts.stop.clone()).await.unwrap();
    let address = server.address();
    Served { house, server, address }
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // A reset ends a connection as well as a close.
    let _ = read.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn one_shot(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

#[tokio::test]
async fn half_a_request_is_cut_off() {
    let served = served(|config| config.header_timeout = Span::from_millis(200)).await;
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127").await.unwrap();
    read_to_end(&mut slow).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    read_to_end(&mut idle).await;
}

#[tokio::test]
async fn a_crowd_of_half_requests_keeps_nobody_out() {
    let served = served(|config| config.header_timeout = Span::from_seconds(2)).await;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        let mut slow = TcpStream::connect(served.address).await.unwrap();
        slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127").await.unwrap();
        crowd.push(slow);
    }
    let answer = one_shot(served.address, "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for mut slow in crowd {
        read_to_end(&mut slow).await;
    }
}

#[tokio::test]
async fn half_a_body_is_cut_off() {
    let served = served(|config| config.body_timeout = Span::from_millis(200)).await;
    let answer = one_shot(
        served.address,
        "POST /api/v1/session HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let served = served(|config| config.connections_max = 2).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        kept.push(stream);
    }
    let refused = one_shot(served.address, "").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
}

#[tokio::test]
async fn smuggled_and_oversized_heads_are_refused() {
    let served = served(|_| {}).await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", "400"),
        ("GET /healthz HTTP/1.1\r\nhost: a\r\n name: folded\r\n\r\n", "400"),
        (&format!("GET /healthz HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200)), "431"),
        (&format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20)), "431"),
    ] {
        let answer = one_shot(served.address, head).await;
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test]
async fn a_stop_ends_streams_and_lets_requests_finish() {
    let served = served(|_| {}).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /api/v1/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    served.house.parts.stop.cancel();
    tokio::time::timeout(PATIENCE, served.server.stopped()).await.unwrap();
    let rest = read_to_end(&mut stream).await;
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_a_sentence() {
    let served = served(|_| {}).await;
    let config = Config { listen: served.address, ..Config::default() };
    let error = Server::start(&config, served.house.router.clone(), CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains(&served.address.to_string()), "{error}");
}

#[tokio::test]
async fn answers_are_dressed_and_large_ones_compressed() {
    let served = served(|_| {}).await;
    let plain = one_shot(
        served.address,
        "GET /api/v1/layers HTTP/1.1\r\nhost: 127.0.0.1\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n",
    )
    .await;
    for header in
        ["content-encoding: gzip", "x-content-type-options: nosniff", "content-security-policy: default-src 'none'"]
    {
        assert!(plain.contains(header), "{header} is missing: {plain}");
    }
    let page = one_shot(served.address, "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("worker-src 'self' blob:"), "{page}");
    assert!(page.contains("text/html"), "{page}");
}
