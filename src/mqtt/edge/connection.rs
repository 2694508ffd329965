//! One client's connection after its login: one task, one loop.
//!
//! ```text
//! socket -> frames -> runs of messages -> Intake::accept -> window (packet id, journal number)
//!    ^         |                                              |
//!    |         +-> PINGRESP, SUBACK, ... ----+                | durable number has reached it
//!    +---------------- out <-----------------+<-- PUBACKs <---+
//!                       ^-- alerts (from the line's inbox)
//! ```
//!
//! Invariants: a PUBACK is written only when the journal's durable number has reached its message; PUBACKs leave in
//! the order of arrival; a run of messages is offered to the journal whole, and what it refuses for want of room
//! stays with the connection, which is not read until there is room (so the sender's TCP slows down). Everything
//! else a client asks for is answered at once, past the messages that wait.
//!
//! A message of QoS 2 has its PUBREC in the same order and on the same terms. Only where its session outlives the
//! connection something is written besides the journal: the intent before the message is offered (the connection is
//! not read meanwhile), the end of the exchange before its PUBCOMP leaves, and subscriptions before their SUBACK.
//!
//! Everything held per connection is bounded: the window and the exchanges of QoS 2 by `outstanding`, `out` by [`OUT_BYTES_MAX`] (beyond it the
//! socket is not read), the inbox by `alerts_waiting`, the leftover by the packet limit and the common budget.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, Sleep, sleep_until, timeout};

use super::Shared;
use super::answer::{self, Completed, End, Kind, Verdict};
use super::frame::{Fault, Version};
use super::line::{Line, Order};
use super::meters::RefusedReason;
use super::outbox::{Outbox, Way};
use super::pace::Pace;
use super::session::{Stay, Ticket, Written};
use super::socket::{DESK_BYTES, Desk, Leftover, NoMemory, Out, Socket, emptied, part};
use super::topics::Replay;
use super::wills::Will;
use super::window::Window;
use crate::model::{Durable, Intake, Timestamp};

/// While more than this waits to be written the socket is not read: a client that does not take its answers may not
/// ask for more.
const OUT_BYTES_MAX: usize = 64 * 1024;
/// How long last words may take.
const PARTING: Duration = Duration::from_secs(1);
/// How long a connection that is taken over may go on to say what it has sent already: the runtime must have looked at
/// its socket once.
const HEARING: Duration = Duration::from_millis(10);
/// A timer that never fires.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A client that has been let in.
pub(super) struct Session {
    pub version: Version,
    pub line: Arc<Line>,
    /// One and a half times what the client announced; `None` when it announced none.
    pub keep_alive: Option<Duration>,
    /// What it sent after its CONNECT.
    pub leftover: Leftover,
    pub alerts_in_flight_max: u16,
    /// The largest packet it takes.
    pub packet_max: usize,
    pub stay: Stay,
    pub will: Option<Will>,
}

/// A connection and all it holds.
pub(super) struct Connection<I: Intake> {
    pub(super) shared: Arc<Shared<I>>,
    pub(super) socket: Socket,
    pub(super) out: Out,
    pub(super) version: Version,
    pub(super) line: Arc<Line>,
    pub(super) keep_alive: Option<Duration>,
    pub(super) leftover: Leftover,
    /// Whether the leftover may hold whole packets.
    pub(super) unread: bool,
    pub(super) window: Window,
    pub(super) durable: watch::Receiver<Durable>,
    pub(super) outbox: Outbox,
    pub(super) stay: Stay,
    pub(super) will: Option<Will>,
    /// How far the sessions' changes are on disk.
    pub(super) written: watch::Receiver<Written>,
    /// The intent that must be on disk before more is taken.
    pub(super) intent: Option<Ticket>,
    /// Answers to what is not on disk yet, in order; while there are as many as exchanges may be open the socket is not
    /// read.
    pub(super) owed: VecDeque<(Ticket, Owed)>,
    /// Messages of QoS 2 in the run that is being gathered.
    pub(super) gathered_twos: Vec<u16>,
    pub(super) pace: Pace,
    /// When it began: exchanges of QoS 2 that are older were begun on another connection.
    pub(super) since: Timestamp,
    pub(super) heard_at: Instant,
    /// Not to be read until then.
    pub(super) resume_at: Option<Instant>,
    /// The journal's buffer was full at the last offer.
    pub(super) full: bool,
    pub(super) offered_again: bool,
    /// The client has ended its direction and may still read ours.
    pub(super) half_closed: bool,
    /// The edge stops: nothing is read, and this ends by then.
    pub(super) stop_at: Option<Instant>,
}

/// An answer that waits for the sessions' file.
pub(super) enum Owed {
    /// PUBCOMP of this packet identifier.
    Completion(u16),
    /// SUBACK or UNSUBACK as it goes out, and the retained messages that are due from then on.
    Answer(Bytes, Vec<Replay>),
}

enum Event {
    Bell,
    Durable(Result<(), watch::error::RecvError>),
    SessionsWritten,
    Room,
    JournalFull,
    Written,
    Lost(io::Error),
    /// A desk, where on it the bytes begin, and how many came.
    Filled(Desk, usize, usize),
    Timer,
}

impl<I: Intake> Connection<I> {
    pub fn new(shared: Arc<Shared<I>>, socket: Socket, out: Out, session: Session) -> Self {
        let now = Instant::now();
        let durable = shared.intake.durable();
        let pace = Pace::new(shared.limits.packets_per_second, now);
        let mut outbox = Outbox::new(session.alerts_in_flight_max, session.packet_max);
        if let Some(held) = session.stay.held() {
            // What waits for it from before.
            shared.topics.unfinished(held).into_iter().for_each(|replay| outbox.begin(replay));
            outbox.wake();
        }
        Connection {
            written: shared.sessions.store().written(),
            since: shared.clock.now(),
            shared,
            socket,
            out,
            version: session.version,
            line: session.line,
            keep_alive: session.keep_alive,
            unread: !session.leftover.is_empty(),
            leftover: session.leftover,
            window: Window::default(),
            durable,
            outbox,
            stay: session.stay,
            will: session.will,
            intent: None,
            owed: VecDeque::new(),
            gathered_twos: Vec::new(),
            pace,
            heard_at: now,
            resume_at: None,
            full: false,
            offered_again: false,
            half_closed: false,
            stop_at: None,
        }
    }

    /// Serves the client until one of both ends it.
    pub async fn serve(mut self) {
        let end = self.run().await;
        let end = self.hear_out(end).await;
        if !matches!(end, End::JournalStopped) {
            // What is on disk by now is answered, so that it is not sent again; a failure here changes nothing.
            let _ = self.settle();
        }
        self.conclude(&end);
        if let Some(reason) = refused_reason(&end) {
            self.shared.meters.refuse(reason);
        }
        // As text fields, so that the log escapes what a client may have put into its name.
        let (client, account): (&str, &str) = (&self.line.client, &self.line.account.name);
        tracing::debug!(client, account, ?end, "an MQTT connection ended");
        match end {
            // Nothing more is said, not even what was due: the client must send again what it has no answer for.
            End::JournalStopped => return,
            End::Lost(error) => return tracing::debug!(client, %error, "the network failed"),
            _ => answer::farewell(self.version, &end, &mut self.out.bytes),
        };
        // What it sent in part is given up before it is waited for.
        drop((self.leftover, self.window));
        // A time-out here means that the client does not take its last words; it has had its chance.
        let _ = timeout(PARTING, part(self.socket, self.out, &self.shared.desks)).await;
    }

    /// What an older connection had sent when a newer one came is taken; had it said good-bye, it has left well.
    async fn hear_out(&mut self, end: End) -> End {
        if !matches!(end, End::TakenOver) || self.half_closed || self.is_held() {
            return end;
        }
        let at = if self.leftover.len() <= DESK_BYTES / 2 { self.leftover.len() } else { 0 };
        let Connection { socket, shared, .. } = &mut *self;
        let arrived = poll_fn(|context| socket.poll_fill(context, &shared.desks, at, DESK_BYTES));
        let Ok(Ok((desk, count))) = timeout(HEARING, arrived).await else { return end };
        match self.read(desk, at, count, Instant::now()) {
            Err(left @ (End::Left | End::LeftWithWill)) => left,
            _ => end,
        }
    }

    /// The client's place is free, its session is for its next connection or over, and its will takes its course.
    fn conclude(&mut self, end: &End) {
        let Connection { shared, line, .. } = self;
        let (now, expiry_s) = (shared.clock.now(), self.stay.expiry_s());
        shared.topics.forget(line);
        match (self.will.take(), end) {
            (Some(will), End::Left) => shared.wills.drop(&will),
            // It is on disk, and in force again after the next start.
            (Some(_), End::Stopping | End::JournalStopped) | (None, _) => {}
            (Some(will), _) => shared.wills.arm(&line.client, will, expiry_s, now),
        }
        // It may have come into its session after those of its account were forgotten.
        let is_gone = matches!(end, End::Revoked) && {
            let account = &line.account;
            shared.access.issued(&account.name, account.issue).is_none()
        };
        if expiry_s == 0 || is_gone {
            shared.sessions.end(&mut self.stay, &shared.topics);
        } else {
            self.stay.leave(now);
        }
        shared.clients.leave(line);
    }

    async fn run(&mut self) -> End {
        let mut sleep = pin!(sleep_until(Instant::now() + NEVER));
        loop {
            if let Err(end) = self.advance(Instant::now()) {
                return end;
            }
            self.set_timer(sleep.as_mut());
            let handled = match self.next_event(sleep.as_mut()).await {
                Event::Bell => self.obey(),
                Event::Durable(Ok(())) | Event::SessionsWritten | Event::Written | Event::Timer => Ok(()),
                Event::Durable(Err(_)) => Err(End::JournalStopped),
                Event::JournalFull => {
                    self.full = true;
                    self.shared.meters.held_back.add(1);
                    Ok(())
                }
                Event::Room => {
                    self.full = false;
                    self.shared.full.store(false, Ordering::Release);
                    Ok(())
                }
                Event::Lost(error) => Err(End::Lost(error)),
                Event::Filled(desk, at, count) => self.read(desk, at, count, Instant::now()),
            };
            if let Err(end) = handled {
                return end;
            }
        }
    }

    /// Does everything that can be done without waiting.
    fn advance(&mut self, now: Instant) -> Result<(), End> {
        if self.resume_at.is_some_and(|at| at <= now) {
            self.resume_at = None;
        }
        loop {
            // After every offer the durable number is read again, so that no change of it can be missed.
            self.settle()?;
            if !self.unread || self.is_held() {
                break;
            }
            let bytes = self.leftover.take();
            let mut desk = self.shared.desks.take();
            let mut batch = desk.take_batch();
            let done = self.take_in(&bytes, &mut batch, now);
            desk.keep_batch(emptied(batch));
            self.shared.desks.give_back(desk);
            self.leftover.put(bytes, done?)?;
        }
        self.send_waiting();
        let settled = self.window.is_empty() && self.owed.is_empty() && !self.out.is_waiting();
        if self.stop_at.is_some_and(|at| settled || at <= now) {
            return Err(End::Stopping);
        }
        if self.half_closed && settled {
            return Err(End::HungUp);
        }
        if self.is_held_by_us() {
            // Its pings wait unread in the socket.
            self.heard_at = now;
        }
        match self.keep_alive {
            Some(keep_alive) if self.heard_at + keep_alive <= now => Err(End::Silent),
            _ => Ok(()),
        }
    }

    /// Writes alerts and commands that are due.
    fn send_waiting(&mut self) {
        if !self.outbox.is_pending() {
            return;
        }
        let Shared { topics, meters, clock, .. } = &*self.shared;
        let held = self.stay.held().map(|held| &**held);
        let way = Way { version: self.version, line: &self.line, held, topics, meters };
        self.outbox.fill(&way, clock.now(), &mut self.out.bytes);
    }

    /// Writes the acknowledgements that are due.
    fn settle(&mut self) -> Result<(), End> {
        if self.intent.is_some() || !self.owed.is_empty() {
            self.settle_sessions()?;
        }
        if self.window.is_empty() {
            return Ok(());
        }
        let durable = *self.durable.borrow_and_update();
        if durable.failed {
            return Err(End::JournalStopped);
        }
        let mut stored = 0;
        let (out, stay) = (&mut self.out.bytes, &self.stay);
        self.window.release(durable.through, |kind, packet_id, verdict| {
            stored += u64::from(verdict == Verdict::Stored);
            if kind == Kind::Rec && verdict == Verdict::Stored {
                stay.confirm(packet_id);
            }
            answer::acknowledge(kind, packet_id, verdict, out);
        });
        self.shared.meters.acknowledged.add(stored);
        Ok(())
    }

    /// Goes on with what waited for the sessions' file.
    fn settle_sessions(&mut self) -> Result<(), End> {
        let written = *self.written.borrow_and_update();
        if self.intent.is_some_and(|ticket| written.has(ticket)) {
            self.intent = None;
        }
        while let Some((_, owed)) = self.owed.pop_front_if(|(ticket, _)| written.has(*ticket)) {
            match owed {
                Owed::Completion(id) => answer::complete(self.version, id, Completed::Known, &mut self.out.bytes),
                Owed::Answer(bytes, replays) => {
                    self.out.bytes.extend_from_slice(&bytes);
                    replays.into_iter().for_each(|replay| self.outbox.begin(replay));
                }
            }
        }
        if written.failed { Err(End::JournalStopped) } else { Ok(()) }
    }

    async fn next_event(&mut self, mut sleep: Pin<&mut Sleep>) -> Event {
        let may_read = !self.half_closed && self.stop_at.is_none() && !self.is_held();
        let woken_by_writing = self.outbox.is_pending() || self.half_closed || self.stop_at.is_some() || self.is_held();
        let (waits_for_durable, full) = (!self.window.is_empty(), self.full);
        let waits_for_sessions = self.intent.is_some() || !self.owed.is_empty();
        // A short leftover goes in front of what is read now; a long one is added to.
        let at = if self.leftover.len() <= DESK_BYTES / 2 { self.leftover.len() } else { 0 };
        let Connection { shared, socket, out, line, durable, written, .. } = self;
        let transfer = poll_fn(|context| {
            if out.is_waiting() {
                match out.poll_drain(socket, context) {
                    Poll::Ready(Err(error)) => return Poll::Ready(Event::Lost(error)),
                    Poll::Ready(Ok(())) if woken_by_writing => return Poll::Ready(Event::Written),
                    _ => {}
                }
            }
            if !may_read {
                return Poll::Pending;
            }
            // Not even read while the journal is full: the bytes are better kept by the sender.
            if shared.full.load(Ordering::Acquire) {
                return Poll::Ready(Event::JournalFull);
            }
            match socket.poll_fill(context, &shared.desks, at, shared.desks.read_bytes()) {
                Poll::Ready(Ok((desk, count))) => Poll::Ready(Event::Filled(desk, at, count)),
                Poll::Ready(Err(error)) => Poll::Ready(Event::Lost(error)),
                Poll::Pending => Poll::Pending,
            }
        });
        tokio::select! {
            biased;
            () = line.bell.notified() => Event::Bell,
            changed = durable.changed(), if waits_for_durable => Event::Durable(changed),
            // Its writer ends with the edge alone, after every connection.
            _ = written.changed(), if waits_for_sessions => Event::SessionsWritten,
            () = shared.intake.room(), if full => Event::Room,
            event = transfer => event,
            () = sleep.as_mut() => Event::Timer,
        }
    }

    /// Sets the timer to the next thing that time alone brings.
    fn set_timer(&self, sleep: Pin<&mut Sleep>) {
        let silent_at = self.keep_alive.map(|keep_alive| self.heard_at + keep_alive);
        let next = [silent_at, self.resume_at, self.stop_at].into_iter().flatten().min();
        // A timer that fires early is set again; moving it later at every packet would cost more.
        match next {
            Some(next) if next < sleep.deadline() || sleep.is_elapsed() => sleep.reset(next),
            None if sleep.is_elapsed() => sleep.reset(Instant::now() + NEVER),
            _ => {}
        }
    }

    /// Whether packets may not be taken now.
    pub(super) fn is_held(&self) -> bool {
        self.is_held_by_us() || self.out.bytes.len() > OUT_BYTES_MAX
    }

    fn is_held_by_us(&self) -> bool {
        // MQTT 5 clients were told the window and are cut off beyond it; others are not read.
        let window_full =
            self.version == Version::V3 && self.window.len() >= usize::from(self.shared.limits.outstanding);
        let waits_for_sessions =
            self.intent.is_some() || self.owed.len() >= usize::from(self.shared.limits.outstanding);
        self.full || self.resume_at.is_some() || self.stop_at.is_some() || waits_for_sessions || window_full
    }

    /// Takes orders and notices alerts.
    fn obey(&mut self) -> Result<(), End> {
        self.outbox.wake();
        match self.line.ordered() {
            Some(Order::TakenOver) => Err(End::TakenOver),
            Some(Order::Revoked) => Err(End::Revoked),
            Some(Order::Stop) => {
                let patience = Duration::from_secs(self.shared.limits.stop_seconds);
                self.stop_at.get_or_insert_with(|| Instant::now() + patience);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl From<NoMemory> for End {
    fn from(_: NoMemory) -> Self {
        End::NoMemory
    }
}

/// Which counter the end belongs to, if it was not the client's own wish.
fn refused_reason(end: &End) -> Option<RefusedReason> {
    match end {
        End::Left | End::LeftWithWill | End::HungUp | End::Lost(_) | End::Stopping => None,
        End::Revoked => Some(RefusedReason::Revoked),
        End::Silent => Some(RefusedReason::KeepAlive),
        End::JournalStopped => Some(RefusedReason::Journal),
        End::TakenOver => Some(RefusedReason::TakenOver),
        End::NoMemory => Some(RefusedReason::Memory),
        End::Fault(fault) => Some(match fault {
            Fault::TooLarge => RefusedReason::PacketSize,
            Fault::Malformed | Fault::Protocol | Fault::TopicAlias | Fault::SubscriptionId => RefusedReason::Malformed,
            Fault::TopicName => RefusedReason::Topic,
            Fault::Window => RefusedReason::Window,
            Fault::Denied => RefusedReason::Publish,
        }),
    }
}
