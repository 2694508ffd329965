//! A tiny raw MQTT client for the tests: it writes bytes by hand and shares no code with the service, so that both
//! cannot be wrong in the same way. It answers nothing by itself and checks nothing: tests see every packet.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test waits to see that nothing comes.
pub const QUIET: Duration = Duration::from_millis(80);

/// The protocol's number in a CONNECT.
pub const V3: u8 = 4;
/// The protocol's number in a CONNECT.
pub const V5: u8 = 5;

/// A packet as it came: its first byte and everything after the remaining length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

impl Packet {
    /// The packet's type, 1 (CONNECT) to 15.
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }

    /// The packet identifier of an acknowledgement.
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.body[0], self.body[1]])
    }

    /// The reason code of a PUBACK, PUBREC or PUBCOMP (0 when left out), CONNACK, SUBACK or DISCONNECT.
    pub fn reason(&self) -> u8 {
        match self.kind() {
            2 => self.body[1],
            4 | 5 | 7 => self.body.get(2).copied().unwrap_or(0),
            14 => self.body.first().copied().unwrap_or(0),
            9 => *self.body.last().unwrap(),
            other => panic!("packet type {other} has no reason code"),
        }
    }

    /// Topic, packet identifier (0 for QoS 0) and payload of a PUBLISH.
    pub fn message(&self, version: u8) -> (String, u16, Vec<u8>) {
        assert_eq!(self.kind(), 3, "{self:?}");
        let length = usize::from(u16::from_be_bytes([self.body[0], self.body[1]]));
        let topic = String::from_utf8(self.body[2..2 + length].to_vec()).unwrap();
        let mut at = 2 + length;
        let mut id = 0;
        if self.first & 0b0110 != 0 {
            id = u16::from_be_bytes([self.body[at], self.body[at + 1]]);
            at += 2;
        }
        if version == V5 {
            assert!(self.body[at] < 128, "long properties");
            at += 1 + usize::from(self.body[at]);
        }
        (topic, id, self.body[at..].to_vec())
    }

    /// Whether a CONNACK says that there was a session.
    pub fn is_session_present(&self) -> bool {
        assert_eq!(self.kind(), 2, "{self:?}");
        self.body[0] & 1 == 1
    }

    /// Whether a PUBLISH may have been sent before.
    pub fn is_again(&self) -> bool {
        self.first & 0b1000 != 0
    }

    /// Whether a PUBLISH is from the retained store.
    pub fn is_retained(&self) -> bool {
        self.first & 1 == 1
    }
}

/// A CONNECT packet.
pub fn connect(version: u8, client: &str, login: Option<(&str, &[u8])>, keep_alive: u16) -> Vec<u8> {
    let mut body = Vec::new();
    text(b"MQTT", &mut body);
    body.push(version);
    body.push(if login.is_some() { 0xC2 } else { 0x02 });
    body.extend(keep_alive.to_be_bytes());
    if version == V5 {
        body.push(0);
    }
    text(client.as_bytes(), &mut body);
    if let Some((name, password)) = login {
        text(name.as_bytes(), &mut body);
        text(password, &mut body);
    }
    packet(0x10, &body)
}

/// What a CONNECT asks for besides a login.
#[derive(Clone, Copy, Default)]
pub struct Wish<'a> {
    pub login: Option<(&'a str, &'a [u8])>,
    /// For how long the session is kept, in seconds; 0: it ends with the connection. MQTT 3.1.1 says yes or no.
    pub session_s: u32,
    /// MQTT 5: whatever session there is is forgotten.
    pub fresh: bool,
    /// Topic, payload, delay in seconds.
    pub will: Option<(&'a str, &'a [u8], u32)>,
}

/// A CONNECT packet with a session or a will.
pub fn connect_for(version: u8, client: &str, wish: &Wish<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    text(b"MQTT", &mut body);
    let clean = if version == V5 { wish.fresh } else { wish.session_s == 0 };
    let flags = [(wish.login.is_some(), 0xC0), (clean, 0x02), (wish.will.is_some(), 0x0C)];
    let flags: u8 = flags.into_iter().filter_map(|(on, bits)| on.then_some(bits)).sum();
    body.extend([version, flags, 0, 60]);
    if version == V5 {
        body.extend([5, 0x11]);
        body.extend(wish.session_s.to_be_bytes());
    }
    text(client.as_bytes(), &mut body);
    if let Some((topic, payload, delay_s)) = wish.will {
        if version == V5 {
            body.extend([5, 0x18]);
            body.extend(delay_s.to_be_bytes());
        }
        text(topic.as_bytes(), &mut body);
        text(payload, &mut body);
    }
    if let Some((name, password)) = wish.login {
        text(name.as_bytes(), &mut body);
        text(password, &mut body);
    }
    packet(0x10, &body)
}

/// A PUBLISH packet of QoS 2, with the DUP flag when it is sent `again`.
pub fn publish_twice(version: u8, topic: &str, id: u16, payload: &[u8], again: bool) -> Vec<u8> {
    let mut bytes = publish(version, topic, id, payload);
    bytes[0] = if again { 0x3C } else { 0x34 };
    bytes
}

/// A PUBREL packet.
pub fn pubrel(id: u16) -> Vec<u8> {
    packet(0x62, &id.to_be_bytes())
}

/// A PUBLISH packet; `id` 0 means QoS 0.
pub fn publish(version: u8, topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    publish_bytes(version, topic.as_bytes(), id, payload)
}

/// As [`publish`], with a topic that need not be text.
pub fn publish_bytes(version: u8, topic: &[u8], id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    text(topic, &mut body);
    if id > 0 {
        body.extend(id.to_be_bytes());
    }
    if version == V5 {
        body.push(0);
    }
    body.extend_from_slice(payload);
    packet(if id > 0 { 0x32 } else { 0x30 }, &body)
}

/// A SUBSCRIBE packet for one filter; `options` is its last byte (the QoS in MQTT 3.1.1).
pub fn subscribe(version: u8, id: u16, filter: &str, options: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == V5 {
        body.push(0);
    }
    text(filter.as_bytes(), &mut body);
    body.push(options);
    packet(0x82, &body)
}

/// An UNSUBSCRIBE packet for one filter.
pub fn unsubscribe(version: u8, id: u16, filter: &str) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == V5 {
        body.push(0);
    }
    text(filter.as_bytes(), &mut body);
    packet(0xA2, &body)
}

/// A PUBACK packet.
pub fn puback(id: u16) -> Vec<u8> {
    packet(0x40, &id.to_be_bytes())
}

/// Any packet: first byte, remaining length, body.
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        let low = (length % 128) as u8;
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u16).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// A connection.
pub struct Client<S = TcpStream> {
    pub stream: S,
    pub version: u8,
    received: Vec<u8>,
}

impl Client<TcpStream> {
    /// Opens a connection and says nothing.
    pub async fn open(address: SocketAddr, version: u8) -> Client {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client::over(stream, version)
    }

    /// Opens a connection with a session or a will; says whether there was a session.
    pub async fn arriving(address: SocketAddr, version: u8, client: &str, wish: &Wish<'_>) -> (Client, bool) {
        let mut opened = Client::open(address, version).await;
        opened.send(&connect_for(version, client, wish)).await;
        let answer = opened.next().await;
        assert_eq!((answer.kind(), answer.reason()), (2, 0), "{answer:?}");
        let present = answer.is_session_present();
        (opened, present)
    }

    /// Opens a connection, says CONNECT without a login, and returns it with its CONNACK seen and accepted.
    pub async fn connected(address: SocketAddr, version: u8, client: &str) -> Client {
        let mut opened = Client::open(address, version).await;
        let answer = opened.hello(client, None).await;
        assert_eq!(answer.reason(), 0, "{answer:?}");
        opened
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Speaks over any stream.
    pub fn over(stream: S, version: u8) -> Client<S> {
        Client { stream, version, received: Vec::new() }
    }

    /// Sends a CONNECT and returns the CONNACK.
    pub async fn hello(&mut self, client: &str, login: Option<(&str, &[u8])>) -> Packet {
        self.send(&connect(self.version, client, login, 60)).await;
        let answer = self.next().await;
        assert_eq!(answer.kind(), 2, "{answer:?}");
        answer
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("the server reads").unwrap();
    }

    /// Sends a message.
    pub async fn publish(&mut self, topic: &str, id: u16, payload: &[u8]) {
        self.send(&publish(self.version, topic, id, payload)).await;
    }

    /// Subscribes and returns the SUBACK's code; packets before the SUBACK are an error.
    pub async fn subscribe(&mut self, filter: &str, options: u8) -> u8 {
        self.send(&subscribe(self.version, 77, filter, options)).await;
        let answer = self.next().await;
        assert_eq!((answer.kind(), answer.id()), (9, 77), "{answer:?}");
        answer.reason()
    }

    /// The next packet, which must come.
    pub async fn next(&mut self) -> Packet {
        match timeout(PATIENCE, self.packet()).await {
            Ok(Some(packet)) => packet,
            Ok(None) => panic!("the server closed the connection"),
            Err(_) => panic!("nothing came"),
        }
    }

    /// The next PUBACKs' identifiers.
    pub async fn pubacks(&mut self, count: usize) -> Vec<u16> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let answer = self.next().await;
            assert_eq!((answer.kind(), answer.reason()), (4, 0), "{answer:?}");
            ids.push(answer.id());
        }
        ids
    }

    /// Nothing comes for a short while.
    pub async fn nothing(&mut self) {
        if let Ok(packet) = timeout(QUIET, self.packet()).await {
            panic!("{packet:?} came");
        }
    }

    /// The server closes; what it still said before.
    pub async fn closed(&mut self) -> Vec<Packet> {
        let mut last_words = Vec::new();
        loop {
            match timeout(PATIENCE, self.packet()).await.expect("the server closes") {
                Some(packet) => last_words.push(packet),
                None => return last_words,
            }
        }
    }

    /// The server closes without a word.
    pub async fn closed_silently(&mut self) {
        assert_eq!(self.closed().await, []);
    }

    /// The next packet; `None` when the connection is over.
    pub async fn packet(&mut self) -> Option<Packet> {
        loop {
            if let Some((packet, length)) = whole(&self.received) {
                self.received.drain(..length);
                return Some(packet);
            }
            let mut buffer = [0; 16 * 1024];
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

fn whole(bytes: &[u8]) -> Option<(Packet, usize)> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7F) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let body = bytes.get(at..at + length)?.to_vec();
    Some((Packet { first: bytes[0], body }, at + length))
}
