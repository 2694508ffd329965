//! MQTT inside WebSocket, with somebody else's frames: tungstenite's client.

use std::path::Path;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use saola::mqtt::edge::{Edge, Tls, WebSocket};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::double::{HandIntake, config, edge};
use super::tls::{certificate, tls};
use crate::mqtt_client::{Client, PATIENCE, V3, V5, connect, packet, publish};

fn web_config() -> saola::mqtt::edge::Config {
    let mut config = config();
    config.websocket = Some(WebSocket { listen: Some(config.listen), tls_listen: None });
    config
}

async fn open(edge: &Edge) -> WebSocketStream<tokio::net::TcpStream> {
    let address = edge.web_address().unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut request = format!("ws://{address}/mqtt").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "mqttv3.1, mqtt".parse().unwrap());
    let (stream, answer) = client_async(request, stream).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "mqtt");
    stream
}

/// The bytes of packets that come next, at least `count`.
async fn bytes<S: Stream<Item = Result<Message, Error>> + Unpin>(stream: &mut S, count: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match tokio::time::timeout(PATIENCE, stream.next()).await.expect("something comes") {
            Some(Ok(Message::Binary(bytes))) => heard.extend_from_slice(&bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("{other:?}"),
        }
    }
    heard
}

async fn send<S: Sink<Message, Error = Error> + Unpin>(stream: &mut S, bytes: &[u8]) {
    stream.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
}

#[tokio::test]
async fn packets_may_be_cut_and_joined_in_any_way() {
    for version in [V3, V5] {
        let intake = HandIntake::instant();
        let edge = edge(&web_config(), &intake);
        let mut stream = open(&edge).await;
        // Every byte in a frame of its own.
        for byte in connect(version, "web", None, 60) {
            send(&mut stream, &[byte]).await;
        }
        assert_eq!(bytes(&mut stream, 4).await[0], 0x20);
        let many: Vec<u8> = (1..=200).flat_map(|id| publish(version, "saola/v1/a", id, &[b'x'; 1_000])).collect();
        send(&mut stream, &many).await;
        stream.send(Message::Ping(b"still there?".to_vec().into())).await.unwrap();
        let answers = bytes(&mut stream, 800).await;
        assert!(
            answers.chunks(4).zip(1u16..).all(|(answer, id)| answer == [&[0x40, 2][..], &id.to_be_bytes()].concat())
        );
        assert_eq!(intake.taken_count(), 200);
        send(&mut stream, &packet(0xE0, &[])).await;
        let end = tokio::time::timeout(PATIENCE, async { while let Some(Ok(_)) = stream.next().await {} });
        end.await.expect("the server closes");
    }
}

#[tokio::test]
async fn a_large_packet_takes_many_frames_and_one_too_large_is_cut_off() {
    let intake = HandIntake::instant();
    let mut config = web_config();
    config.limits.packet_bytes = 100_000;
    let edge = edge(&config, &intake);
    let mut stream = open(&edge).await;
    send(&mut stream, &connect(V5, "web", None, 60)).await;
    bytes(&mut stream, 4).await;
    for piece in publish(V5, "saola/v1/a", 1, &vec![b'x'; 99_000]).chunks(1_700) {
        send(&mut stream, piece).await;
    }
    assert_eq!(bytes(&mut stream, 4).await, [0x40, 2, 0, 1]);
    let _ = stream.send(Message::Binary(publish(V5, "saola/v1/a", 2, &vec![b'x'; 200_000]).into())).await;
    let last_words = bytes(&mut stream, 3).await;
    assert_eq!((last_words[0], last_words[2]), (0xE0, 0x95));
    assert_eq!(intake.taken_count(), 1);
}

#[tokio::test]
async fn what_is_no_mqtt_inside_websocket_is_refused() {
    let mut config = web_config();
    (config.limits.connect_seconds, config.limits.tls_handshake_seconds) = (1, 1);
    let edge = edge(&config, &HandIntake::instant());
    let address = edge.web_address().unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let refused = client_async(format!("ws://{address}/mqtt"), stream).await;
    assert!(matches!(refused, Err(Error::Http(answer)) if answer.status() == 400), "without the subprotocol");
    let mut bare = Client::open(address, V3).await;
    bare.send(&connect(V3, "bare", None, 60)).await;
    bare.closed().await;
    Client::open(address, V3).await.closed_silently().await;
    let mut text = open(&edge).await;
    text.send(Message::Text("MQTT".into())).await.unwrap();
    assert!(!matches!(text.next().await, Some(Ok(Message::Binary(_)))));
    let mut silent = open(&edge).await;
    let end = tokio::time::timeout(PATIENCE, async { while let Some(Ok(_)) = silent.next().await {} });
    end.await.expect("who says nothing after the handshake is cut off");
    assert_eq!((edge.status().refused["websocket"], edge.status().refused["connect_timeout"]), (2, 2));
}

#[tokio::test]
async fn websocket_over_tls_carries_mqtt() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let mut config = config();
    config.tls = Some(Tls::new(config.listen, certificate.clone(), key));
    config.websocket = Some(WebSocket { listen: None, tls_listen: Some(config.listen) });
    let edge = edge(&config, &HandIntake::instant());
    assert_eq!(edge.web_address(), None);
    let stream = tls(edge.web_tls_address().unwrap(), Path::new(&certificate), "localhost").await.unwrap();
    let mut request = "wss://localhost/mqtt".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    let (mut stream, _) = client_async(request, stream).await.unwrap();
    send(&mut stream, &[connect(V3, "web", None, 60), publish(V3, "saola/v1/a", 7, b"{}")].concat()).await;
    assert_eq!(bytes(&mut stream, 8).await, [0x20, 2, 0, 0, 0x40, 2, 0, 7]);
}
