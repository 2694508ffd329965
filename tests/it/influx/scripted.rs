//! An InfluxDB 2 that keeps points in memory, answers the questions that the service asks, and misbehaves as told:
//! resets, half answers, silence, refusals, redirects, endless answers. It speaks raw TCP, so that it can break off
//! anywhere. Each request has a connection of its own.

use std::collections::VecDeque;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use parking_lot::Mutex;
use saola::model::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::protocol::{self, Line, Points, Question};

pub const ORG: &str = "lai-chau";
pub const BUCKET: &str = "saola";

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Deed {
    /// What InfluxDB would do.
    Serve,
    /// This answer instead: status line without the protocol, header lines, body.
    Answer(&'static str, &'static str, &'static str),
    /// Resets the connection before anything is done.
    Reset,
    /// Does it, and resets the connection instead of answering.
    ServeThenReset,
    /// Does it, and closes in the middle of the answer.
    ServeThenHalf,
    /// Does it and says nothing until the peer goes away.
    ServeThenSilence,
    /// Sends one byte of an answer a second.
    Drip,
    /// An answer of 1 GiB.
    Endless,
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub at: Instant,
}

type Judge = Box<dyn Fn(&Line) -> Option<&'static str> + Send>;

/// What the server holds and how it behaves.
pub struct Inner {
    pub points: Points,
    /// Points written again with another value than they had.
    pub changed: usize,
    pub token: String,
    pub bucket: Option<String>,
    pub asked: Vec<Asked>,
    /// For the next requests, one each.
    pub deeds: VecDeque<Deed>,
    /// After those.
    pub habit: Deed,
    /// Which lines are refused, and with what words; the others of the same request are written nevertheless.
    pub judge: Judge,
    /// Lines in a request at most; more are answered with 413.
    pub lines_max: usize,
}

/// A running stand-in; it ends when it is dropped.
pub struct Scripted {
    pub address: SocketAddr,
    pub inner: Arc<Mutex<Inner>>,
    runtime: Option<Runtime>,
}

struct Request {
    method: String,
    target: String,
    headers: String,
    body: Vec<u8>,
}

impl Scripted {
    pub fn start() -> Scripted {
        Self::start_on(None, None)
    }

    /// On a port of its choice, over TLS.
    pub fn start_encrypted(tls: TlsAcceptor) -> Scripted {
        Self::start_on(None, Some(tls))
    }

    pub fn start_on(address: Option<SocketAddr>, tls: Option<TlsAcceptor>) -> Scripted {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Mutex::new(Inner {
            points: Points::new(),
            changed: 0,
            token: "k7#mQ2!vT9xw".to_owned(),
            bucket: Some(BUCKET.to_owned()),
            asked: Vec::new(),
            deeds: VecDeque::new(),
            habit: Deed::Serve,
            judge: Box::new(|_| None),
            lines_max: usize::MAX,
        }));
        let shared = inner.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), tls.clone());
                tokio::spawn(async move {
                    if let Some(tls) = tls {
                        if let Ok(stream) = tls.accept(stream).await {
                            let _ = serve(stream, shared).await;
                        }
                        return;
                    }
                    let mut stream = stream;
                    if serve(&mut stream, shared).await == Some(End::Reset) {
                        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                    }
                });
            }
        });
        Scripted { address, inner, runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn does(&self, deeds: impl IntoIterator<Item = Deed>) {
        self.inner.lock().deeds = deeds.into_iter().collect();
    }

    pub fn habit(&self, habit: Deed) {
        self.inner.lock().habit = habit;
    }

    /// Requests so far, by path.
    pub fn count(&self, path: &str) -> usize {
        self.inner.lock().asked.iter().filter(|asked| asked.path == path).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

#[derive(PartialEq)]
enum End {
    Closed,
    Reset,
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, inner: Arc<Mutex<Inner>>) -> Option<End> {
    let request = read_request(&mut stream).await?;
    let deed = {
        let mut inner = inner.lock();
        inner.deeds.pop_front().unwrap_or_else(|| inner.habit.clone())
    };
    let is_done = !matches!(deed, Deed::Answer(..) | Deed::Reset | Deed::Drip | Deed::Endless);
    let answer = inner.lock().take(&request, is_done);
    match deed {
        Deed::Serve => stream.write_all(answer.as_bytes()).await.ok()?,
        Deed::Answer(status, headers, body) => {
            let length = body.len();
            let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
            stream.write_all(text.as_bytes()).await.ok()?;
        }
        Deed::Reset | Deed::ServeThenReset => return Some(End::Reset),
        Deed::ServeThenHalf => stream.write_all(&answer.as_bytes()[..answer.len() / 2]).await.ok()?,
        Deed::ServeThenSilence => drop(stream.read(&mut [0; 1]).await),
        Deed::Drip => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(b"x").await.ok()?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Deed::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await.ok()?;
            let piece = vec![b','; 1 << 20];
            for _ in 0..1_024 {
                stream.write_all(&piece).await.ok()?;
            }
        }
    }
    let _ = stream.shutdown().await;
    Some(End::Closed)
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(place) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break place + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    if headers.contains("content-encoding: gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
        body = plain;
    }
    let headers = format!("{headers}\n{}", head.lines().find(|line| line.to_lowercase().starts_with("authorization"))?);
    Some(Request { method, target, headers, body })
}

fn answered(status: &str, body: &str) -> String {
    let date = "Fri, 21 Aug 2026 00:00:00 GMT";
    format!("HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn refused(status: &str, code: &str, message: &str) -> String {
    answered(status, &format!("{{\"code\":{code:?},\"message\":{message:?}}}"))
}

impl Inner {
    /// Does what is asked if `is_done`, and gives InfluxDB's answer.
    fn take(&mut self, request: &Request, is_done: bool) -> String {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let flux = (path == "/api/v2/query").then(|| {
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            body["query"].as_str().unwrap().to_owned()
        });
        let path = path.to_owned();
        self.asked.push(Asked { path: path.clone(), at: Instant::now() });
        if !request.headers.contains(&format!("Token {}", self.token)) {
            return refused("401 Unauthorized", "unauthorized", "unauthorized access");
        }
        let has = |key: &str, value: &str| query.split('&').any(|pair| pair == format!("{key}={value}"));
        match path.as_str() {
            "/api/v2/orgs" => answered("200 OK", &format!("{{\"orgs\":[{{\"id\":\"07\",\"name\":{ORG:?}}}]}}")),
            _ if request.method == "POST" && path == "/api/v2/buckets" => self.create_bucket(&text),
            _ if !has("org", ORG) => refused("404 Not Found", "not found", "organization name not found"),
            "/api/v2/buckets" => self.find_bucket(|name| has("name", name)),
            "/api/v2/query" => self.query(flux.as_deref().unwrap_or_default()),
            "/api/v2/write" if !self.bucket.as_ref().is_some_and(|bucket| has("bucket", bucket)) => {
                refused("404 Not Found", "not found", "bucket \\\"saola\\\" not found")
            }
            "/api/v2/write" => {
                assert!(has("precision", "us") && (text.is_empty() || request.headers.contains("encoding: gzip")));
                self.write(&text, is_done)
            }
            _ => refused("404 Not Found", "not found", "path not found"),
        }
    }

    fn create_bucket(&mut self, text: &str) -> String {
        let asked: serde_json::Value = serde_json::from_str(text).unwrap();
        if asked["orgID"] != "07" {
            return refused("404 Not Found", "not found", "organization not found");
        }
        self.bucket = Some(asked["name"].as_str().unwrap().to_owned());
        answered("201 Created", text)
    }

    fn find_bucket(&self, is_asked: impl Fn(&str) -> bool) -> String {
        match self.bucket.as_deref().filter(|name| is_asked(name)) {
            Some(name) => answered("200 OK", &format!("{{\"buckets\":[{{\"name\":{name:?},\"retentionRules\":[]}}]}}")),
            None => refused("404 Not Found", "not found", "bucket \\\"saola\\\" not found"),
        }
    }

    fn write(&mut self, text: &str, is_done: bool) -> String {
        if text.is_empty() {
            return refused("400 Bad Request", "invalid", "writing requires points");
        }
        if text.lines().count() > self.lines_max {
            return refused("413 Request Entity Too Large", "request too large", "points too many");
        }
        let mut complaint = None;
        for text in text.lines() {
            let Some(line) = protocol::line(text) else {
                complaint = Some(format!("unable to parse '{text}'"));
                continue;
            };
            if let Some(told) = (self.judge)(&line) {
                complaint = Some(told.to_owned());
            } else if is_done {
                self.put(line);
            }
        }
        match complaint {
            Some(told) => refused("400 Bad Request", "invalid", &told),
            None => "HTTP/1.1 204 No Content\r\ndate: Fri, 21 Aug 2026 00:00:00 GMT\r\n\r\n".to_owned(),
        }
    }

    fn put(&mut self, line: Line) {
        for (field, value) in line.fields {
            let key = (line.measurement.clone(), line.station.clone(), field);
            let former = self.points.entry(key).or_default().insert(line.at, value);
            self.changed += usize::from(former.is_some_and(|former| former.to_bits() != value.to_bits()));
        }
    }

    fn query(&self, flux: &str) -> String {
        if flux.ends_with("  |> range(start: -1m)\n  |> limit(n: 1)\n") {
            return answered("200 OK", "\r\n");
        }
        let known = protocol::question(flux).filter(|asked| Some(&asked.bucket) == self.bucket.as_ref());
        match known {
            Some(Question { from, to, .. }) if from >= to => {
                refused("400 Bad Request", "invalid", "cannot query an empty range")
            }
            Some(asked) => answered("200 OK", &protocol::answer(&self.points, &asked)),
            None => refused("400 Bad Request", "invalid", "not one of the questions that the stand-in knows"),
        }
    }

    /// The stored value of a series at a time.
    pub fn value(&self, measurement: &str, station: &str, field: &str, at: Timestamp) -> Option<f64> {
        let key = (measurement.to_owned(), station.to_owned(), field.to_owned());
        self.points.get(&key)?.get(&at.micros()).copied()
    }
}
