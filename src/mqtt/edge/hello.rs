//! The beginning of a connection: its CONNECT, its login, its place among the clients.
//!
//! Until the login a client has a few kilobytes and a few seconds; a first byte that is no CONNECT ends it at once.
//! Answers to a wrong login do not say what was wrong with it.
//!
//! A session that outlives the connection is on disk before its CONNACK leaves. What a CONNECT may ask for and does
//! not get: enhanced authentication (refused), a retained will (published, not retained, like a device's messages).

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use rmqtt_codec::error::DecodeError;
use rmqtt_codec::version::{ProtocolVersion, VersionCodec};
use rmqtt_codec::{v3, v5};
use tokio::time::{Instant, timeout};
use tokio_util::codec::Decoder;

use super::Shared;
use super::access::{Account, Recalled};
use super::answer::{self, Refused, Welcome};
use super::config::{ClientCertificates, Limits};
use super::connection::Session;
use super::frame::{self, CONNECT, Fault, Step, Version};
use super::line::{Barred, Entered, Line};
use super::meters::RefusedReason;
use super::session::{Arrived, Start, Wanted};
use super::socket::{Leftover, NoMemory, Out, Socket};
use super::wills::Will;
use crate::model::Intake;
use crate::mqtt::topic;

/// What a client says of itself.
struct Hello {
    version: Version,
    client: ByteString,
    username: Option<ByteString>,
    password: Option<Bytes>,
    keep_alive_seconds: u16,
    /// Topic, payload, delay in seconds.
    will: Option<(ByteString, Bytes, u32)>,
    start: Start,
    /// For how long it wants its session kept, in seconds; `u32::MAX`: for ever.
    expiry_s: u32,
    authentication_method: bool,
    receive_max: u16,
    packet_max: usize,
}

/// What a client's certificate says.
pub(super) struct Certificate {
    pub wanted: ClientCertificates,
    /// Empty when it showed none.
    pub names: Vec<String>,
}

/// Why there is no connection.
pub(super) enum Turned {
    /// Nothing is said to somebody who does not speak MQTT, or has gone.
    Away(RefusedReason),
    /// The other end has closed.
    Gone,
    /// The client is told.
    Refused(Version, Refused, RefusedReason),
}

impl From<NoMemory> for Turned {
    fn from(_: NoMemory) -> Self {
        Turned::Away(RefusedReason::Memory)
    }
}

/// Lets a client in: reads its CONNECT, checks who it is, writes the CONNACK into `out`.
pub(super) async fn greet<I: Intake>(
    shared: &Shared<I>,
    socket: &mut Socket,
    address: IpAddr,
    certificate: &Certificate,
    out: &mut Out,
) -> Result<Session, Turned> {
    let patience = Duration::from_secs(shared.limits.connect_seconds);
    let mut leftover = Leftover::new(shared.desks.clone());
    let hello = match timeout(patience, read_connect(shared, socket, &mut leftover)).await {
        Ok(hello) => hello?,
        Err(_) => return Err(Turned::Away(RefusedReason::ConnectTimeout)),
    };
    let version = hello.version;
    let refused = |refused, reason| Turned::Refused(version, refused, reason);
    if hello.authentication_method {
        return Err(refused(Refused::AuthenticationMethod, RefusedReason::Login));
    }
    if shared.intake.durable().borrow().failed {
        return Err(refused(Refused::JournalStopped, RefusedReason::Journal));
    }
    let account = match certified(shared, &hello, certificate) {
        Some(account) => account,
        None if certificate.wanted == ClientCertificates::Required => {
            return Err(refused(Refused::Login, RefusedReason::Login));
        }
        None => login(shared, &hello, address).await?,
    };
    let assigned_id =
        hello.client.is_empty().then(|| ByteString::from(format!("saola-{:032x}", rand::random::<u128>())));
    // A copy: what the codec gives shares, and would keep, the whole CONNECT with its password.
    let client = assigned_id.clone().unwrap_or_else(|| ByteString::from(&*hello.client));
    let number = shared.lines.fetch_add(1, Ordering::Relaxed);
    let line = Arc::new(Line::new(number, client, account));
    let will = will(&shared.limits, &hello, &line.account, |topic| shared.topics.is_ours(topic))
        .map_err(|refusal| refused(refusal, RefusedReason::Will))?;
    let expiry_s = hello.expiry_s.min(shared.limits.session_seconds);
    let arrived = match admit(shared, &line, Wanted { start: hello.start, expiry_s }).await {
        Ok(arrived) => arrived,
        Err(Barred::OtherAccount) => return Err(refused(Refused::ClientId, RefusedReason::ClientId)),
        Err(Barred::TooManySessions) => return Err(refused(Refused::Sessions, RefusedReason::Session)),
        Err(Barred::Busy) => return Err(refused(Refused::Busy, RefusedReason::Session)),
        Err(Barred::Revoked) => return Err(refused(Refused::Login, RefusedReason::Revoked)),
        Err(Barred::Stopping) => return Err(Turned::Gone),
    };
    shared.wills.arrived(&line.client, arrived.present, shared.clock.now());
    shared.meters.logins.add(1);
    let welcome = Welcome {
        assigned_id,
        receive_max: NonZeroU16::new(shared.limits.outstanding).unwrap_or(NonZeroU16::MIN),
        packet_max: u32::try_from(shared.limits.packet_bytes).unwrap_or(u32::MAX),
        expiry_s: (expiry_s != hello.expiry_s).then_some(expiry_s),
        session: arrived.present,
    };
    answer::welcome(version, welcome, &mut out.bytes);
    let keep_alive =
        (hello.keep_alive_seconds > 0).then(|| Duration::from_millis(u64::from(hello.keep_alive_seconds) * 1_500));
    let alerts_in_flight_max = hello.receive_max.min(shared.limits.alerts_in_flight);
    let will = will.map(|will| shared.wills.leave(&line.client, will, expiry_s));
    let (stay, packet_max) = (arrived.stay, hello.packet_max);
    Ok(Session { version, line, keep_alive, leftover, alerts_in_flight_max, packet_max, stay, will })
}

/// The account that the client's certificate names, when the client does not say that it is another.
fn certified<I: Intake>(shared: &Shared<I>, hello: &Hello, certificate: &Certificate) -> Option<Arc<Account>> {
    let account = certificate.names.iter().find_map(|name| shared.access.named(name))?;
    let says_so = hello.username.as_deref().is_none_or(|name| name.is_empty() || *name == *account.name);
    says_so.then_some(account)
}

/// The will, if the account's own message to its topic would be taken.
fn will(
    limits: &Limits,
    hello: &Hello,
    account: &Account,
    is_ours: impl Fn(&str) -> bool,
) -> Result<Option<Will>, Refused> {
    let Some((topic, payload, delay_s)) = &hello.will else { return Ok(None) };
    if !topic::valid_topic_within(topic, limits.topic_bytes, limits.topic_levels) {
        return Err(Refused::WillTopic);
    }
    if is_ours(topic) || !account.may_publish(topic) {
        return Err(Refused::WillDenied);
    }
    // Copies: what the codec gives shares, and would keep, the whole CONNECT with its password.
    let (topic, payload) = (ByteString::from(&**topic), payload.to_vec());
    Ok(Some(Will { no: 0, account: account.name.clone(), topic, payload, delay_s: *delay_s }))
}

/// A client's place among the others, and its session.
async fn admit<I: Intake>(shared: &Shared<I>, line: &Arc<Line>, wanted: Wanted) -> Result<Arrived, Barred> {
    if shared.sessions.is_of_another(line) {
        return Err(Barred::OtherAccount);
    }
    if shared.clients.enter(line)? == Entered::TookOver {
        tracing::debug!(client = &*line.client, "a newer connection took over");
    }
    let arrived = async {
        // Who is among the clients is told to end when its account changes; this is for what changed before.
        if !shared.access.still_holds(&line.account) {
            return Err(Barred::Revoked);
        }
        let places = (&*shared.topics, &*shared.access);
        let arrived = shared.sessions.arrive(line, wanted, places, shared.clock.now()).await?;
        let patience = Duration::from_secs(shared.limits.login_seconds);
        let written = timeout(patience, shared.sessions.store().wait(arrived.ticket)).await;
        if written == Ok(true) { Ok(arrived) } else { Err(Barred::Busy) }
    };
    arrived.await.inspect_err(|_| shared.clients.leave(line))
}

async fn read_connect<I: Intake>(
    shared: &Shared<I>,
    socket: &mut Socket,
    leftover: &mut Leftover,
) -> Result<Hello, Turned> {
    let limit = shared.limits.packet_before_login_bytes;
    loop {
        let filled = std::future::poll_fn(|context| {
            socket.poll_fill(context, &shared.desks, 0, limit.saturating_sub(leftover.len()).max(1))
        });
        let (desk, count) = filled.await.map_err(|_| Turned::Gone)?;
        let kept = leftover.extend(desk.bytes.get(..count).unwrap_or_default());
        shared.desks.give_back(desk);
        kept?;
        if count == 0 {
            let nothing = leftover.is_empty();
            return Err(if nothing { Turned::Gone } else { Turned::Away(RefusedReason::Garbage) });
        }
        let bytes = leftover.take();
        if bytes.first() != Some(&CONNECT) {
            return Err(Turned::Away(RefusedReason::Garbage));
        }
        let taken = match frame::next(&bytes, Version::V3, limit) {
            Ok(Step::Other(packet)) => Some((hello(packet)?, packet.len())),
            Ok(Step::Partial(_)) => None,
            Ok(Step::Publish(..)) | Err(Fault::Malformed) => return Err(Turned::Away(RefusedReason::Garbage)),
            Err(_) => return Err(Turned::Away(RefusedReason::PacketSize)),
        };
        leftover.put(bytes, taken.as_ref().map_or(0, |(_, length)| *length))?;
        if let Some((hello, _)) = taken {
            return Ok(hello);
        }
    }
}

/// Decodes a whole CONNECT.
fn hello(packet: &[u8]) -> Result<Hello, Turned> {
    let mut bytes = BytesMut::from(packet);
    let away = || Turned::Away(RefusedReason::Garbage);
    let version = VersionCodec.decode(&mut bytes).map_err(|_| away())?.ok_or_else(away)?;
    match version {
        ProtocolVersion::MQTT3 => match v3::Codec::new(0).decode(&mut bytes) {
            Ok(Some((v3::Packet::Connect(connect), _))) => Ok(hello_v3(*connect)),
            Err(error) => Err(malformed(Version::V3, &error)),
            _ => Err(away()),
        },
        ProtocolVersion::MQTT5 => match v5::Codec::new(0, 0).decode(&mut bytes) {
            Ok(Some((v5::Packet::Connect(connect), _))) => Ok(hello_v5(*connect)),
            Err(error) => Err(malformed(Version::V5, &error)),
            _ => Err(away()),
        },
    }
}

fn malformed(version: Version, error: &DecodeError) -> Turned {
    match error {
        DecodeError::InvalidClientId => Turned::Refused(version, Refused::ClientId, RefusedReason::ClientId),
        // MQTT 3.1.1 has no word for it and closes.
        _ if version == Version::V3 => Turned::Away(RefusedReason::Malformed),
        _ => Turned::Refused(version, Refused::Malformed, RefusedReason::Malformed),
    }
}

fn hello_v3(connect: v3::Connect) -> Hello {
    Hello {
        version: Version::V3,
        client: connect.client_id,
        username: connect.username,
        password: connect.password,
        keep_alive_seconds: connect.keep_alive,
        will: connect.last_will.map(|will| (will.topic, will.message, 0)),
        start: if connect.clean_session { Start::Fresh } else { Start::Resume },
        expiry_s: if connect.clean_session { 0 } else { u32::MAX },
        authentication_method: false,
        receive_max: u16::MAX,
        packet_max: usize::MAX,
    }
}

fn hello_v5(connect: v5::Connect) -> Hello {
    Hello {
        version: Version::V5,
        client: connect.client_id,
        username: connect.username,
        password: connect.password,
        keep_alive_seconds: connect.keep_alive,
        will: connect.last_will.map(|will| (will.topic, will.message, will.will_delay_interval_sec.unwrap_or(0))),
        start: if connect.clean_start { Start::Fresh } else { Start::Resume },
        expiry_s: connect.session_expiry_interval_secs,
        authentication_method: connect.auth_method.is_some(),
        receive_max: connect.receive_max.map_or(u16::MAX, NonZeroU16::get),
        packet_max: connect.max_packet_size.map_or(usize::MAX, |bytes| bytes.get() as usize),
    }
}

async fn login<I: Intake>(shared: &Shared<I>, hello: &Hello, address: IpAddr) -> Result<Arc<Account>, Turned> {
    let refused = |refused, reason| Err(Turned::Refused(hello.version, refused, reason));
    let credentials = match shared.access.recall(hello.username.as_deref(), hello.password.as_deref()) {
        Recalled::Known(account) => return Ok(account),
        Recalled::Refused => return refused(Refused::Login, RefusedReason::Login),
        Recalled::Unknown(credentials) => credentials,
    };
    let name = credentials.name.clone();
    if !shared.throttle.allows(address, &name, Instant::now()) {
        return refused(Refused::TooManyAttempts, RefusedReason::Throttled);
    }
    // The queue for a permit is bounded by the limit of connections and by this time-out; then the client is told to
    // come back.
    let patience = Duration::from_secs(shared.limits.login_seconds);
    let Ok(Ok(permit)) = timeout(patience, shared.logins.clone().acquire_owned()).await else {
        return refused(Refused::Busy, RefusedReason::Busy);
    };
    let access = shared.access.clone();
    // The permit goes along: a client that leaves does not free the core that still checks its password.
    let checked = tokio::task::spawn_blocking(move || {
        let account = access.authenticate(Some(&credentials.name), Some(&credentials.password));
        drop(permit);
        account
    });
    match checked.await {
        Ok(Some(account)) => Ok(account),
        _ => {
            shared.throttle.wrong(address, &name, Instant::now());
            shared.warnings.wrong_password(address, &name);
            refused(Refused::Login, RefusedReason::Login)
        }
    }
}
