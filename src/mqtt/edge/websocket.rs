//! MQTT inside WebSocket (MQTT 5 section 6, RFC 6455): frames in, the bytes of packets out, and back.
//!
//! ```text
//! client's frame:  | FIN, opcode | mask bit, length 7, 7+16 or 7+64 bits | mask, 4 bytes | payload, masked |
//! ```
//!
//! Frames are taken apart where they were read, on the reader's own desk: payloads move forward over their headers and
//! nothing is gathered here, so the limits of packets and of memory are those of any connection. A packet may span
//! frames, and a frame hold many packets. Pings are answered here; text frames and unmasked ones end the connection.
//!
//! The opening handshake is tungstenite's. Left out on purpose: compression (readings are small, and it costs memory
//! for each connection).

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};

use super::socket::Socket;

/// The subprotocol's name, and the header that speaks of it.
const SUBPROTOCOL: &str = "mqtt";
const HEADER: &str = "sec-websocket-protocol";

/// Payload of one of our frames, at most.
const FRAME_BYTES: usize = 16 * 1024;
/// Answers to pings that may wait for a client that does not read.
const WAITING_BYTES: usize = 8 * 1024;

const CONTINUATION: u8 = 0;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

/// A connection inside WebSocket.
pub(super) struct Web {
    inner: Socket,
    frames: Frames,
    /// Frames on their way out.
    out: BytesMut,
    is_closing: bool,
}

/// Why a handshake fails.
#[derive(Debug, thiserror::Error)]
#[error("the WebSocket handshake failed: {0}")]
pub(super) struct HandshakeFailed(String);

/// Answers the opening handshake. To be given a time-out.
pub(super) async fn accept(socket: Socket) -> Result<Web, HandshakeFailed> {
    let opened = accept_hdr_async(socket, choose).await.map_err(|error| HandshakeFailed(error.to_string()))?;
    // A client that sent more than its request was refused by the handshake, so nothing is lost here.
    Ok(Web { inner: opened.into_inner(), frames: Frames::default(), out: BytesMut::new(), is_closing: false })
}

/// Takes who offers the subprotocol (MQTT-6.0.0-3).
#[expect(clippy::result_large_err, reason = "the handshake's own type")]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(HEADER).iter().filter_map(|value| value.to_str().ok());
    if offered.flat_map(|text| text.split(',')).any(|name| name.trim() == SUBPROTOCOL) {
        response.headers_mut().insert(HEADER, HeaderValue::from_static(SUBPROTOCOL));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("offer the subprotocol mqtt".to_owned()));
    *refusal.status_mut() = StatusCode::BAD_REQUEST;
    Err(refusal)
}

impl Web {
    /// Reads payload into `buffer`; 0 when the other end has closed.
    pub fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let raw = ready!(self.inner.poll_read(context, buffer))?;
            if raw == 0 {
                return Poll::Ready(Ok(0));
            }
            let bytes = buffer.get_mut(..raw).unwrap_or_default();
            let (payload, asked) = self.frames.take_apart(bytes, &mut self.out)?;
            if self.out.len() > WAITING_BYTES {
                return Poll::Ready(Err(io::Error::other("pings without end")));
            }
            // What does not go now goes with the next write, or the next read.
            if let Poll::Ready(Err(error)) = self.poll_drain(context) {
                return Poll::Ready(Err(error));
            }
            match (payload, asked) {
                (0, Asked::ToGoOn) => {}
                (0, Asked::ToClose) => {
                    self.is_closing = true;
                    return Poll::Ready(Ok(0));
                }
                (payload, _) => return Poll::Ready(Ok(payload)),
            }
        }
    }

    /// Puts bytes into a frame; it is written by this and later calls.
    pub fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(context))?;
        let part = bytes.get(..bytes.len().min(FRAME_BYTES)).unwrap_or_default();
        put_frame(BINARY, part, &mut self.out);
        match self.poll_drain(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(part.len())),
        }
    }

    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        self.inner.poll_flush(context)
    }

    /// Ends our direction, with a word.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_closing, true) {
            // 1000: normal closure.
            put_frame(CLOSE, &1_000u16.to_be_bytes(), &mut self.out);
        }
        ready!(self.poll_flush(context))?;
        self.inner.poll_shutdown(context)
    }

    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(self.inner.poll_write(context, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        self.out = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

fn put_frame(opcode: u8, payload: &[u8], out: &mut BytesMut) {
    out.reserve(payload.len() + 4);
    out.put_u8(FINAL | opcode);
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => out.put_u8(length),
        // Never above 65,535: the callers cut.
        _ => {
            out.put_u8(126);
            out.put_u16(payload.len() as u16);
        }
    }
    out.put_slice(payload);
}

/// What the frames of one read ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ToGoOn,
    ToClose,
}

/// The frame that is being read.
#[derive(Debug, Default)]
struct Frames {
    /// Its header as far as it has come; empty while its payload is read.
    header: Vec<u8>,
    opcode: u8,
    mask: [u8; 4],
    /// Payload read so far, and still to come.
    read: usize,
    left: u64,
    /// A message is open: its next frame is a continuation.
    is_open: bool,
    /// The payload of a control frame, at most 125 bytes.
    control: Vec<u8>,
    is_closed: bool,
}

/// Bytes of a header before its length is known.
const HEADER_BYTES: usize = 2;
/// Payload of a control frame, at most (RFC 6455 section 5.5).
const CONTROL_BYTES: u64 = 125;

impl Frames {
    /// Moves the payload of data frames to the beginning of `bytes` and says how much that is; answers to pings are
    /// added to `out`.
    fn take_apart(&mut self, bytes: &mut [u8], out: &mut BytesMut) -> io::Result<(usize, Asked)> {
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() && !self.is_closed {
            if self.left == 0 {
                let Some(byte) = bytes.get(from) else { break };
                self.header.push(*byte);
                from += 1;
                if self.begin()? && self.left == 0 {
                    self.end(out);
                }
                continue;
            }
            let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - from);
            for at in from..from + count {
                let Some(byte) = bytes.get(at).map(|byte| byte ^ self.mask[self.read % 4]) else { break };
                self.read += 1;
                if self.opcode >= CLOSE {
                    self.control.push(byte);
                } else if let Some(place) = bytes.get_mut(to) {
                    *place = byte;
                    to += 1;
                }
            }
            from += count;
            self.left -= count as u64;
            if self.left == 0 {
                self.end(out);
            }
        }
        Ok((to, if self.is_closed { Asked::ToClose } else { Asked::ToGoOn }))
    }

    /// Whether the header is whole; then what follows is its payload.
    fn begin(&mut self) -> io::Result<bool> {
        let broken = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()));
        let &[first, second, ..] = self.header.as_slice() else { return Ok(false) };
        let opcode = first & 0x0F;
        if self.header.len() == HEADER_BYTES {
            let is_final = first & FINAL != 0;
            if first & 0x70 != 0 || second & 0x80 == 0 {
                return broken("a frame with reserved bits or without a mask");
            }
            match opcode {
                BINARY if !self.is_open => {}
                CONTINUATION if self.is_open => {}
                CLOSE | PING | PONG if is_final && u64::from(second & 0x7F) <= CONTROL_BYTES => {}
                _ => return broken("a frame that has no place here"),
            }
        }
        let extended = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.header.len() < HEADER_BYTES + extended + 4 {
            return Ok(false);
        }
        let (length, mask) = self.header.split_at(HEADER_BYTES + extended);
        let length = match length {
            [_, _] => u64::from(second & 0x7F),
            [_, _, wide @ ..] => wide.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
            _ => 0,
        };
        if length >> 63 != 0 {
            return broken("a length beyond 63 bits");
        }
        self.mask.copy_from_slice(mask);
        if opcode < CLOSE {
            self.is_open = first & FINAL == 0;
        }
        (self.opcode, self.left, self.read) = (opcode, length, 0);
        self.header.clear();
        Ok(true)
    }

    /// A frame is complete.
    fn end(&mut self, out: &mut BytesMut) {
        match self.opcode {
            PING => put_frame(PONG, &self.control, out),
            CLOSE => {
                put_frame(CLOSE, self.control.get(..2).unwrap_or_default(), out);
                self.is_closed = true;
            }
            _ => {}
        }
        self.control = Vec::new();
        self.header = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 250];
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | length as u8),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
        }
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    /// The payloads, and the answers, when the bytes come in pieces of `size`.
    fn check(bytes: &[u8], size: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut frames, mut payload, mut out) = (Frames::default(), Vec::new(), BytesMut::new());
        for piece in bytes.chunks(size) {
            let mut piece = piece.to_vec();
            let (count, _) = frames.take_apart(&mut piece, &mut out).ok()?;
            payload.extend_from_slice(&piece[..count]);
        }
        Some((payload, out.to_vec()))
    }

    #[test]
    fn payloads_come_out_whole_however_they_are_cut() {
        let long = vec![7; 300];
        let bytes = [
            frame(BINARY, b"one"),
            frame(FINAL | PING, b"ho"),
            frame(FINAL, b"two"),
            frame(FINAL | BINARY, b""),
            frame(FINAL | BINARY, &long),
            frame(FINAL | CLOSE, &[3, 232, b'x']),
            frame(FINAL | BINARY, b"after the end"),
        ]
        .concat();
        let expected = [&b"onetwo"[..], &long].concat();
        for size in 1..bytes.len() {
            let (payload, answers) = check(&bytes, size).unwrap();
            assert_eq!(payload, expected, "{size}");
            assert_eq!(answers, b"\x8A\x02ho\x88\x02\x03\xE8", "{size}");
        }
    }

    #[test]
    fn frames_out_of_place_are_refused() {
        for wrong in [
            frame(FINAL | 1, b"text"),
            frame(FINAL, b"continues nothing"),
            frame(PING, b"in pieces"),
            frame(FINAL | 0x40 | BINARY, b"compressed"),
            vec![FINAL | BINARY, 3, 1, 2, 3],
            [frame(BINARY, b"open"), frame(FINAL | BINARY, b"new")].concat(),
            vec![FINAL | PING, 0x80 | 126, 0, 200, 0, 0, 0, 0],
            vec![FINAL | BINARY, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(check(&wrong, 64), None, "{wrong:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_at_all_are_taken_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1usize..50) {
            let _ = check(&bytes, size);
        }
    }
}
