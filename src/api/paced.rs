//! A connection that may not stall: when the peer takes less than a trickle for a while, writing fails.
//!
//! Guards against peers that ask and do not read. Any peer that reads at 136 bytes/s or more (4 KiB in 30 s) is served.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What the peer must take within the patience for it to start anew, in bytes.
const TRICKLE_BYTES: usize = 4 * 1024;

/// Wraps a stream; reading is untouched.
pub struct Paced<S> {
    inner: S,
    patience: Duration,
    stall: Option<Stall>,
}

/// A write had to wait: until when it may, and how much has been taken since.
struct Stall {
    until: Pin<Box<Sleep>>,
    taken_bytes: usize,
}

impl<S> Paced<S> {
    /// Gives up when the peer takes less than a trickle within `patience`.
    pub fn new(inner: S, patience: Duration) -> Self {
        Self { inner, patience, stall: None }
    }

    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                let patience = self.patience;
                let stall = self
                    .stall
                    .get_or_insert_with(|| Stall { until: Box::pin(tokio::time::sleep(patience)), taken_bytes: 0 });
                if stall.until.as_mut().poll(cx).is_ready() {
                    metrics::counter!("http_stalled_connections_total").increment(1);
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")));
                }
                Poll::Pending
            }
            Poll::Ready(Ok(count)) => {
                if let Some(stall) = &mut self.stall {
                    stall.taken_bytes = stall.taken_bytes.saturating_add(count);
                    if stall.taken_bytes >= TRICKLE_BYTES {
                        self.stall = None;
                    }
                }
                Poll::Ready(Ok(count))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buffer);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, buffers);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever flushes has handed over everything it had: nothing waits any more.
        self.stall = None;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_cut_off() {
        let (near, _far) = tokio::io::duplex(16);
        let mut near = Paced::new(near, Duration::from_secs(30));
        let error = near.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_is_served() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut near = Paced::new(near, Duration::from_secs(30));
        let reader = tokio::spawn(async move {
            let mut total = 0;
            let mut buffer = [0; 512];
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                match far.read(&mut buffer).await {
                    Ok(0) | Err(_) => return total,
                    Ok(count) => total += count,
                }
            }
        });
        near.write_all(&[0; 64 * 1024]).await.unwrap();
        drop(near);
        assert_eq!(reader.await.unwrap(), 64 * 1024);
    }
}
