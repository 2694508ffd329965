//! One connection of a load: fills its buffer up to rate, window and size, and reads acknowledgements.

use std::time::Duration;

use bytes::Buf;
use tokio::time::Instant;

use super::message::Template;
use super::{Options, Report};
use crate::clock;
use crate::mqtt::MqttError;
use crate::mqtt::connection::{Connection, Moved};
use crate::mqtt::packet::{self, Incoming, Qos, Session};

/// Bytes waiting for the socket above which nothing is added.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
/// Largest window: packet identifiers are 16 bits.
const WINDOW_MAX: u32 = 60_000;
/// How long the last acknowledgements are waited for.
const LAST_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(10);
/// The broker may close a connection that says nothing for this long; a sender may be that slow.
const KEEP_ALIVE_S: u16 = 600;

/// A connection and the devices that it speaks for.
pub struct Sender {
    connection: Connection,
    template: Template,
    qos: Qos,
    /// First device; the next ones are `stride` apart.
    device: u32,
    first_device: u32,
    devices: u32,
    stride: u32,
    /// Messages a second of this connection; `None`: as fast as possible.
    rate: Option<f64>,
    lasts: Duration,
    window: u32,
    /// When each packet identifier in flight was sent, µs after the beginning; `NOT_SENT` when free.
    sent_at_us: Vec<u32>,
    last_id: u16,
    in_flight: u32,
    report: Report,
}

const NOT_SENT: u32 = u32::MAX;

impl Sender {
    /// Connection `number` of `connections`.
    pub async fn connect(options: &Options, number: u32, connections: u32) -> Result<Self, MqttError> {
        let client_id = format!("{}-{number}", options.client_id);
        let credentials = options.credentials.as_ref();
        let connection =
            Connection::open(&options.broker, &client_id, credentials, Session::Clean, KEEP_ALIVE_S).await?;
        Ok(Self {
            connection,
            template: Template::new(options.qos, u64::from(number)),
            qos: options.qos,
            device: number,
            first_device: number,
            devices: options.devices.max(1),
            stride: connections,
            rate: (options.rate > 0).then(|| f64::from(options.rate) / f64::from(connections)),
            lasts: options.lasts,
            window: options.window.clamp(1, WINDOW_MAX),
            sent_at_us: if options.qos == Qos::AtLeastOnce {
                vec![NOT_SENT; usize::from(u16::MAX) + 1]
            } else {
                Vec::new()
            },
            last_id: 0,
            in_flight: 0,
            report: Report::default(),
        })
    }

    /// Sends until the time is over and the last acknowledgements are in, or the connection breaks.
    pub async fn run(mut self, began: Instant) -> Report {
        if let Err(error) = self.send(began).await {
            self.report.failed_connections = 1;
            self.report.first_failure = Some(error.to_string());
            self.report.sending_s = self.report.sending_s.max(began.elapsed().as_secs_f64());
        }
        self.report
    }

    async fn send(&mut self, began: Instant) -> Result<(), MqttError> {
        loop {
            let elapsed = began.elapsed();
            let sending = elapsed < self.lasts;
            if sending {
                self.report.sending_s = elapsed.as_secs_f64();
                self.fill(elapsed);
            } else if self.connection.outgoing.is_empty() && self.in_flight == 0 {
                return Ok(());
            } else if elapsed > self.lasts + LAST_ACKNOWLEDGEMENTS {
                return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
            }
            let wakes = began + self.wakes(elapsed);
            tokio::select! {
                biased;
                moved = self.connection.exchange() => {
                    if moved? == Moved::Read {
                        self.take_acknowledgements(began.elapsed())?;
                    }
                }
                () = tokio::time::sleep_until(wakes) => {}
            }
        }
    }

    /// When there is something to do though the socket is quiet.
    fn wakes(&self, elapsed: Duration) -> Duration {
        if elapsed >= self.lasts {
            return self.lasts + LAST_ACKNOWLEDGEMENTS + Duration::from_millis(1);
        }
        let room = self.in_flight < self.window;
        match self.rate {
            Some(rate) if room => {
                let next = Duration::from_secs_f64((self.report.sent + 1) as f64 / rate);
                next.max(elapsed + Duration::from_micros(500)).min(self.lasts)
            }
            _ => self.lasts,
        }
    }

    fn fill(&mut self, elapsed: Duration) {
        let mut due = match self.rate {
            Some(rate) => ((rate * elapsed.as_secs_f64()) as u64).saturating_sub(self.report.sent),
            None => u64::MAX,
        };
        if due == 0 {
            return;
        }
        let now_us = clock::now().as_microsecond();
        let since_us = elapsed.as_micros() as u32;
        let message_bytes = self.template.message_bytes();
        while due > 0 && self.connection.outgoing.len() + message_bytes <= OUTGOING_BYTES_MAX {
            let id = match self.qos {
                Qos::AtMostOnce => 0,
                Qos::AtLeastOnce => {
                    let id = if self.last_id == u16::MAX { 1 } else { self.last_id + 1 };
                    if self.in_flight >= self.window || self.sent_at_us[usize::from(id)] != NOT_SENT {
                        return;
                    }
                    self.sent_at_us[usize::from(id)] = since_us;
                    self.in_flight += 1;
                    self.last_id = id;
                    id
                }
            };
            self.template.append(&mut self.connection.outgoing, self.device, id, now_us);
            self.device += self.stride;
            if self.device >= self.devices {
                self.device = self.first_device;
                self.template.next_round();
            }
            self.report.sent += 1;
            self.report.bytes += message_bytes as u64;
            due -= 1;
        }
    }

    fn take_acknowledgements(&mut self, elapsed: Duration) -> Result<(), MqttError> {
        let now_us = elapsed.as_micros() as u32;
        while let Some((incoming, used)) = packet::decode(&self.connection.incoming)? {
            if let Incoming::PubAck(id) = incoming
                && let Some(sent_at) = self.sent_at_us.get_mut(usize::from(id)).filter(|at| **at != NOT_SENT)
            {
                self.report.latency_us.note(u64::from(now_us.saturating_sub(*sent_at)));
                *sent_at = NOT_SENT;
                self.in_flight -= 1;
                self.report.acknowledged += 1;
                self.report.acknowledging_s = elapsed.as_secs_f64();
            }
            self.connection.incoming.advance(used);
        }
        Ok(())
    }
}
