//! A broker for tests: acknowledges as it is told, writes down what it gets. It shares no code with the client.

#![expect(clippy::unwrap_used, reason = "a test's broker that fails is a failed test")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What the broker does with connections and messages.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Cuts each of the first connections after this many messages, without acknowledging the last `unacknowledged`.
    pub cut_after: Option<usize>,
    /// Messages before a cut that get no acknowledgement.
    pub unacknowledged: usize,
    /// How many connections are cut.
    pub cuts: usize,
    /// Closes the connection on a message of this topic.
    pub forbids: Option<&'static str>,
    /// CONNACK's return code.
    pub connack: u8,
    /// Whether messages are written down and counted.
    pub writes_down: bool,
    /// Messages sent to whoever subscribes.
    pub sends: usize,
}

impl Default for Manner {
    fn default() -> Self {
        Self { cut_after: None, unacknowledged: 0, cuts: 0, forbids: None, connack: 0, writes_down: true, sends: 0 }
    }
}

/// A message as the broker got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub topic: String,
    pub payload: Vec<u8>,
    pub dup: bool,
    pub acknowledged: bool,
}

#[derive(Default)]
struct Book {
    got: Vec<Got>,
    connects: Vec<Vec<u8>>,
    count: usize,
}

/// A broker on a port of its own, in threads of its own.
pub struct Broker {
    pub address: String,
    book: Arc<(Mutex<Book>, Condvar)>,
}

impl Broker {
    pub fn start(manner: Manner) -> Broker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let book: Arc<(Mutex<Book>, Condvar)> = Arc::default();
        let shared = Arc::clone(&book);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (Ok(stream), shared) = (stream, Arc::clone(&shared)) else { return };
                std::thread::spawn(move || serve(stream, manner, number, &shared));
            }
        });
        Broker { address, book }
    }

    pub fn got(&self) -> Vec<Got> {
        self.book.0.lock().unwrap().got.clone()
    }

    pub fn connects(&self) -> Vec<Vec<u8>> {
        self.book.0.lock().unwrap().connects.clone()
    }

    /// Waits until this many messages came, at most ten seconds.
    pub fn wait_for(&self, count: usize) -> usize {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut book = self.book.0.lock().unwrap();
        while book.count < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} of {count} messages came", book.count);
            book = self.book.1.wait_timeout(book, left).unwrap().0;
        }
        book.count
    }
}

fn serve(mut stream: TcpStream, manner: Manner, number: usize, shared: &(Mutex<Book>, Condvar)) {
    let cut_after = manner.cut_after.filter(|_| number < manner.cuts);
    let (mut bytes, mut chunk, mut taken) = (Vec::new(), vec![0; 256 * 1024], 0);
    let mut answers = Vec::new();
    loop {
        let mut from = 0;
        while let Some((kind, body, used)) = split(&bytes[from..]) {
            match kind >> 4 {
                1 => {
                    shared.0.lock().unwrap().connects.push(body.to_vec());
                    answers.extend_from_slice(&[0x20, 2, 0, manner.connack]);
                }
                3 if manner.forbids.is_some_and(|topic| body[2..].starts_with(topic.as_bytes())) => {
                    let _ = stream.write_all(&answers);
                    return;
                }
                3 => {
                    taken += 1;
                    let silent = cut_after.is_some_and(|cut| taken + manner.unacknowledged > cut);
                    if manner.writes_down {
                        note(kind, body, !silent, shared);
                    }
                    if kind & 6 != 0 && !silent {
                        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                        answers.extend_from_slice(&[0x40, 2, body[2 + topic], body[3 + topic]]);
                    }
                    if cut_after == Some(taken) {
                        let _ = stream.write_all(&answers);
                        hang_up(&mut stream, &mut chunk);
                        return;
                    }
                }
                8 => {
                    answers.extend_from_slice(&[0x90, 3, body[0], body[1], 1]);
                    for number in 0..manner.sends {
                        let id = u16::try_from(number % 60_000 + 1).unwrap().to_be_bytes();
                        answers.extend_from_slice(&[0x32, 8, 0, 1, b't', id[0], id[1], b'a', b'b', b'c']);
                    }
                }
                4 => {
                    let mut book = shared.0.lock().unwrap();
                    book.count += 1;
                    shared.1.notify_all();
                }
                12 => answers.extend_from_slice(&[0xD0, 0]),
                14 => return,
                _ => {}
            }
            from += used;
        }
        bytes.drain(..from);
        if stream.write_all(&answers).is_err() {
            return;
        }
        answers.clear();
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Ends a connection so that the other side still gets what was written: closed with something unread, the system would
/// throw both away.
fn hang_up(stream: &mut TcpStream, chunk: &mut [u8]) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    while stream.read(chunk).is_ok_and(|count| count > 0) {}
}

fn note(kind: u8, body: &[u8], acknowledged: bool, shared: &(Mutex<Book>, Condvar)) {
    let mut book = shared.0.lock().unwrap();
    book.count += 1;
    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let payload = 2 + topic + if kind & 6 != 0 { 2 } else { 0 };
    book.got.push(Got {
        topic: String::from_utf8(body[2..2 + topic].to_vec()).unwrap(),
        payload: body[payload..].to_vec(),
        dup: kind & 8 != 0,
        acknowledged,
    });
    shared.1.notify_all();
}

/// First byte, body and length of the first whole packet.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (mut length, mut header) = (0_usize, 1);
    loop {
        let byte = *bytes.get(header)?;
        length |= usize::from(byte & 0x7F) << (7 * (header - 1));
        header += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some((bytes[0], bytes.get(header..header + length)?, header + length))
}
