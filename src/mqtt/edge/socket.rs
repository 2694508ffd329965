//! Sockets, plain, TLS and WebSocket over either, and the memory to read and write them.
//!
//! 10,000 idle connections must cost little, so no connection owns a read buffer: bytes are read into a [`Desk`] that
//! is borrowed for as long as they are looked at and handed back before anything is awaited. There are never more
//! desks in use than worker threads. Only what is left of a packet that has not arrived whole, or that had to wait,
//! is copied to the connection ([`Leftover`]), and all leftovers together have a budget.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::websocket::Web;
use crate::model::RawMessage;

/// Bytes read at once.
pub(super) const DESK_BYTES: usize = 64 * 1024;
/// Bytes read at once while leftovers are many.
const DESK_BYTES_SCARCE: usize = 4 * 1024;
/// A write buffer that has been larger than this gives its memory back when it is empty.
const OUT_KEPT_BYTES: usize = 1024;
/// Desks kept for the next reader; there are at most as many as worker threads.
const DESKS_KEPT: usize = 64;

/// A connection's two ends.
pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Web(Box<Web>),
}

/// For the handshake of WebSocket, which comes before everything else.
impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = ready!(Socket::poll_read(self.get_mut(), context, buffer.initialize_unfilled()))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Socket::poll_write(self.get_mut(), context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Socket::poll_flush(self.get_mut(), context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Socket::poll_shutdown(self.get_mut(), context)
    }
}

impl Socket {
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Socket::Web(web) = self {
            return web.poll_read(context, buffer);
        }
        let mut buffer = ReadBuf::new(buffer);
        ready!(match self {
            Socket::Plain(stream) => Pin::new(stream).poll_read(context, &mut buffer),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut buffer),
            Socket::Web(_) => Poll::Ready(Ok(())),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Socket::Web(web) => web.poll_write(context, bytes),
            Socket::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Web(web) => web.poll_flush(context),
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    /// Ends our direction.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Web(web) => web.poll_shutdown(context),
            Socket::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }

    /// Reads what is there, at most `bytes_max`, onto a desk, beginning at its byte `at`. Says how many bytes came;
    /// none: the other end has closed.
    pub fn poll_fill(
        &mut self,
        context: &mut Context<'_>,
        desks: &Desks,
        at: usize,
        bytes_max: usize,
    ) -> Poll<io::Result<(Desk, usize)>> {
        let mut desk = desks.take();
        let end = desk.bytes.len().min(at.saturating_add(bytes_max));
        let Some(room) = desk.bytes.get_mut(at..end) else {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        };
        match self.poll_read(context, room) {
            Poll::Ready(Ok(filled)) => Poll::Ready(Ok((desk, filled))),
            Poll::Ready(Err(error)) => {
                desks.give_back(desk);
                Poll::Ready(Err(error))
            }
            Poll::Pending => {
                desks.give_back(desk);
                Poll::Pending
            }
        }
    }
}

/// Ends a connection that has been told so: writes what is left, ends our direction, and reads (and drops) what the
/// client still sends, because closing with unread bytes would take the last words from it. To be given a time-out.
pub(super) async fn part(mut socket: Socket, mut out: Out, desks: &Desks) -> io::Result<()> {
    poll_fn(|context| out.poll_drain(&mut socket, context)).await?;
    poll_fn(|context| socket.poll_shutdown(context)).await?;
    loop {
        let (desk, count) = poll_fn(|context| socket.poll_fill(context, desks, 0, DESK_BYTES)).await?;
        desks.give_back(desk);
        if count == 0 {
            return Ok(());
        }
    }
}

/// Bytes on their way to a client.
#[derive(Default)]
pub(super) struct Out {
    pub bytes: BytesMut,
    unflushed: bool,
}

impl Out {
    /// Whether something is still to be written.
    pub fn is_waiting(&self) -> bool {
        self.unflushed || !self.bytes.is_empty()
    }

    /// Writes and flushes all there is. Nothing is lost when the caller gives up waiting.
    pub fn poll_drain(&mut self, socket: &mut Socket, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.bytes.is_empty() {
            let written = ready!(socket.poll_write(context, &self.bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes.advance(written);
            self.unflushed = true;
        }
        ready!(socket.poll_flush(context))?;
        self.unflushed = false;
        if self.bytes.capacity() > OUT_KEPT_BYTES {
            self.bytes = BytesMut::new();
        } else {
            self.bytes.clear();
        }
        Poll::Ready(Ok(()))
    }
}

/// Room to read into, and to list the messages found there.
pub(super) struct Desk {
    pub bytes: Box<[u8]>,
    batch: Vec<RawMessage<'static>>,
}

impl Desk {
    fn new() -> Self {
        Desk { bytes: vec![0; DESK_BYTES].into_boxed_slice(), batch: Vec::new() }
    }

    /// An empty list that borrows from anything, with the memory of the last one.
    pub fn take_batch<'a>(&mut self) -> Vec<RawMessage<'a>> {
        std::mem::take(&mut self.batch)
    }

    /// Keeps an emptied list's memory.
    pub fn keep_batch(&mut self, batch: Vec<RawMessage<'static>>) {
        self.batch = batch;
    }
}

/// The list's memory without what it borrowed.
pub(super) fn emptied(mut batch: Vec<RawMessage<'_>>) -> Vec<RawMessage<'static>> {
    batch.clear();
    // Collecting an empty vector into one of the same layout keeps its memory.
    batch.into_iter().map(|message| RawMessage { topic: "", payload: &[], ..message }).collect()
}

/// The desks, and the budget of leftovers.
pub(super) struct Desks {
    free: Mutex<Vec<Desk>>,
    leftover_bytes: AtomicUsize,
    leftover_bytes_max: usize,
}

impl Desks {
    pub fn new(leftover_bytes_max: usize) -> Self {
        Desks { free: Mutex::default(), leftover_bytes: AtomicUsize::new(0), leftover_bytes_max }
    }

    pub fn take(&self) -> Desk {
        let free = self.free.lock().pop();
        free.unwrap_or_else(Desk::new)
    }

    pub fn give_back(&self, desk: Desk) {
        let mut free = self.free.lock();
        if free.len() < DESKS_KEPT {
            free.push(desk);
        }
    }

    /// How much to read at once now.
    pub fn read_bytes(&self) -> usize {
        if self.leftover_bytes.load(Ordering::Relaxed) > self.leftover_bytes_max / 2 {
            DESK_BYTES_SCARCE
        } else {
            DESK_BYTES
        }
    }
}

/// Bytes that have been read and could not be used yet.
pub(super) struct Leftover {
    bytes: Vec<u8>,
    charged: usize,
    desks: Arc<Desks>,
}

/// The budget of leftovers is spent.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoMemory;

impl Leftover {
    pub fn new(desks: Arc<Desks>) -> Self {
        Leftover { bytes: Vec::new(), charged: 0, desks }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds what has been read.
    pub fn extend(&mut self, bytes: &[u8]) -> Result<(), NoMemory> {
        let room = self.bytes.capacity() - self.bytes.len();
        if room < bytes.len() {
            // A quarter more than there is, not twice as much: the budget counts capacity.
            self.bytes.reserve_exact(bytes.len().max(self.bytes.len() / 4));
        }
        self.bytes.extend_from_slice(bytes);
        self.charge()
    }

    /// The bytes, to be looked at while the connection is changed; follow with [`Leftover::put`].
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Keeps a copy of `bytes` and nothing else.
    pub fn replace(&mut self, bytes: &[u8]) -> Result<(), NoMemory> {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        if bytes.len() < self.bytes.capacity() / 4 {
            self.bytes.shrink_to_fit();
        }
        self.charge()
    }

    /// Copies what is kept to the beginning of a desk.
    pub fn copy_to(&self, desk: &mut Desk) {
        if let Some(room) = desk.bytes.get_mut(..self.bytes.len()) {
            room.copy_from_slice(&self.bytes);
        }
    }

    /// Keeps what remains of `bytes` after the first `done`.
    pub fn put(&mut self, mut bytes: Vec<u8>, done: usize) -> Result<(), NoMemory> {
        bytes.drain(..done.min(bytes.len()));
        if bytes.len() < bytes.capacity() / 4 {
            bytes.shrink_to_fit();
        }
        self.bytes = bytes;
        self.charge()
    }

    /// Keeps the accounts; the memory is the vector's capacity, not its length.
    fn charge(&mut self) -> Result<(), NoMemory> {
        let now = self.bytes.capacity();
        if now == self.charged {
            return Ok(());
        }
        let total = if now >= self.charged {
            self.desks.leftover_bytes.fetch_add(now - self.charged, Ordering::Relaxed) + (now - self.charged)
        } else {
            self.desks.leftover_bytes.fetch_sub(self.charged - now, Ordering::Relaxed) - (self.charged - now)
        };
        let grown = now > self.charged;
        self.charged = now;
        if grown && total > self.desks.leftover_bytes_max { Err(NoMemory) } else { Ok(()) }
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        self.desks.leftover_bytes.fetch_sub(self.charged, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SourceId, Timestamp};

    #[test]
    fn a_desk_keeps_the_memory_of_its_list() {
        let mut desk = Desk::new();
        let text = String::from("topic");
        let mut batch = desk.take_batch();
        for _ in 0..100 {
            batch.push(RawMessage {
                source: SourceId(0),
                topic: &text,
                payload: text.as_bytes(),
                received_at: Timestamp::EPOCH,
                arrival: crate::model::Arrival::Fresh,
            });
        }
        let capacity = batch.capacity();
        desk.keep_batch(emptied(batch));
        assert_eq!(desk.take_batch().capacity(), capacity);
    }

    #[test]
    fn leftovers_are_counted_refused_beyond_the_budget_and_given_back() {
        let desks = Arc::new(Desks::new(1_000));
        let mut first = Leftover::new(desks.clone());
        first.extend(&[0; 600]).unwrap();
        assert_eq!(desks.read_bytes(), DESK_BYTES_SCARCE);
        let mut second = Leftover::new(desks.clone());
        assert!(second.extend(&[0; 600]).is_err());
        drop(second);
        let bytes = first.take();
        first.put(bytes, 600).unwrap();
        assert_eq!(desks.leftover_bytes.load(Ordering::Relaxed), 0);
        assert_eq!(desks.read_bytes(), DESK_BYTES);
    }
}
