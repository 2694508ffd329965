//! One connected socket: CONNECT and CONNACK, then bytes both ways without either waiting for the other.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::MqttError;
use super::packet::{self, Credentials, Incoming, Session};

/// How long a broker may take to accept and to answer CONNECT.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A socket after CONNACK. `incoming` holds bytes read and not yet taken, `outgoing` bytes not yet written.
#[derive(Debug)]
pub struct Connection {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// Bytes from the broker.
    pub incoming: BytesMut,
    /// Bytes for the broker. Whoever fills it bounds it: see the publisher's loop.
    pub outgoing: BytesMut,
}

/// What the socket did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Bytes came.
    Read,
    /// Bytes went.
    Written,
}

impl Connection {
    /// Connects and signs in.
    pub async fn open(
        broker: &str,
        client_id: &str,
        credentials: Option<&Credentials>,
        session: Session,
        keep_alive_s: u16,
    ) -> Result<Self, MqttError> {
        let handshake = async {
            let stream = TcpStream::connect(broker).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            let mut connection =
                Self { read, write, incoming: BytesMut::with_capacity(64 * 1024), outgoing: BytesMut::new() };
            let mut hello = Vec::new();
            packet::connect(&mut hello, client_id, credentials, session, keep_alive_s);
            connection.write.write_all(&hello).await?;
            let code = connection.connack().await?;
            match (code, packet::refusal(code)) {
                (0, _) => Ok(connection),
                (code, Some(meaning)) => Err(MqttError::Refused { broker: broker.to_owned(), code, meaning }),
                (code, None) => Err(std::io::Error::other(format!("connection refused with code {code}")).into()),
            }
        };
        match tokio::time::timeout(HANDSHAKE, handshake).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// Reads or writes, whatever the socket allows first. Safe to drop: nothing is lost between calls.
    pub async fn exchange(&mut self) -> Result<Moved, MqttError> {
        tokio::select! {
            read = self.read.read_buf(&mut self.incoming) => match read? {
                0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                _ => Ok(Moved::Read),
            },
            written = self.write.write(&self.outgoing), if !self.outgoing.is_empty() => match written? {
                0 => Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into()),
                count => {
                    self.outgoing.advance(count);
                    Ok(Moved::Written)
                }
            },
        }
    }

    /// Writes what is left and closes the sending side.
    pub async fn finish(mut self) -> Result<(), MqttError> {
        self.outgoing.extend_from_slice(&packet::DISCONNECT);
        self.write.write_all(&self.outgoing).await?;
        self.write.shutdown().await?;
        Ok(())
    }

    async fn connack(&mut self) -> Result<u8, MqttError> {
        loop {
            if let Some((incoming, used)) = packet::decode(&self.incoming)? {
                let Incoming::ConnAck { code, .. } = incoming else {
                    return Err(packet::PacketError::Unexpected(0).into());
                };
                self.incoming.advance(used);
                return Ok(code);
            }
            if self.read.read_buf(&mut self.incoming).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}
