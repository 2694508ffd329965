//! Answers -> bytes, for both versions.
//!
//! Acknowledgements of messages are written by hand (four or five bytes, on the hot path); everything else goes
//! through `rmqtt-codec`, which cannot fail for packets of these sizes: what it refuses is left out and logged.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::{BufMut, BytesMut};
use bytestring::ByteString;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{
    ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, PublishProperties, SubscribeAck,
    SubscribeAckReason, UnsubscribeAck, UnsubscribeAckReason,
};
use rmqtt_codec::{v3, v5};
use tokio_util::codec::Encoder;

use super::alerts::Written;
use super::frame::{Fault, Version};
use super::session::Presence;

/// The answer to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Verdict {
    /// It is on disk.
    Stored = 0x00,
    /// The account may not publish there (MQTT 5 only).
    Denied = 0x87,
    /// The topic is longer or deeper than allowed here (MQTT 5 only).
    TopicRefused = 0x90,
}

/// Why a connection is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed,
    ClientId,
    Login,
    AuthenticationMethod,
    TooManyAttempts,
    Busy,
    JournalStopped,
    /// As many sessions as may be, or no disk for them.
    Sessions,
    /// The account may not publish the will it leaves.
    WillDenied,
    /// The will's topic is none, or is longer or deeper than allowed.
    WillTopic,
}

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client said good-bye.
    Left,
    /// The client said good-bye and wants its will published.
    LeftWithWill,
    /// The client hung up without a word.
    HungUp,
    /// The account is no more.
    Revoked,
    /// The network failed.
    Lost(std::io::Error),
    /// The client broke a rule or a limit.
    Fault(Fault),
    /// Nothing was heard for one and a half keep-alives.
    Silent,
    /// The journal does not write any more: outstanding messages must not be acknowledged.
    JournalStopped,
    /// Another connection has this client's name.
    TakenOver,
    /// The edge stops.
    Stopping,
    /// There is no memory for the packet it sends.
    NoMemory,
}

/// What a new connection is told (MQTT 5 hears all of it).
pub(super) struct Welcome {
    pub assigned_id: Option<ByteString>,
    pub receive_max: NonZeroU16,
    pub packet_max: u32,
    /// For how long its session is kept, where that is not what it asked for.
    pub expiry_s: Option<u32>,
    pub session: Presence,
}

fn encode_v3(packet: v3::Packet, out: &mut BytesMut) {
    if let Err(error) = v3::Codec::new(0).encode(packet, out) {
        tracing::warn!(%error, "an MQTT 3.1.1 answer could not be encoded and was left out");
    }
}

fn encode_v5(packet: v5::Packet, out: &mut BytesMut) {
    if let Err(error) = v5::Codec::new(0, 0).encode(packet, out) {
        tracing::warn!(%error, "an MQTT 5 answer could not be encoded and was left out");
    }
}

/// With what a message is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// PUBACK, for QoS 1.
    Ack = 0x40,
    /// PUBREC, for QoS 2.
    Rec = 0x50,
}

/// PUBACK or PUBREC.
pub(super) fn acknowledge(kind: Kind, packet_id: u16, verdict: Verdict, out: &mut BytesMut) {
    let [high, low] = packet_id.to_be_bytes();
    match verdict {
        Verdict::Stored => out.put_slice(&[kind as u8, 2, high, low]),
        refused => out.put_slice(&[kind as u8, 3, high, low, refused as u8]),
    }
}

/// Whether an exchange of QoS 2 was known when it was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completed {
    Known,
    Unknown,
}

/// PUBCOMP.
pub(super) fn complete(version: Version, packet_id: u16, completed: Completed, out: &mut BytesMut) {
    let [high, low] = packet_id.to_be_bytes();
    match (version, completed) {
        // 0x92: packet identifier not found; only MQTT 5 can say so.
        (Version::V5, Completed::Unknown) => out.put_slice(&[0x70, 3, high, low, 0x92]),
        _ => out.put_slice(&[0x70, 2, high, low]),
    }
}

/// PINGRESP.
pub(super) fn pong(out: &mut BytesMut) {
    out.put_slice(&[0xD0, 0]);
}

/// CONNACK of a connection that is taken.
pub(super) fn welcome(version: Version, welcome: Welcome, out: &mut BytesMut) {
    let session_present = welcome.session == Presence::Present;
    match version {
        Version::V3 => {
            let return_code = v3::ConnectAckReason::ConnectionAccepted;
            encode_v3(v3::Packet::ConnectAck(v3::ConnectAck { return_code, session_present }), out);
        }
        Version::V5 => {
            let accepted = ConnectAck {
                session_present,
                session_expiry_interval_secs: welcome.expiry_s,
                receive_max: welcome.receive_max,
                max_packet_size: Some(welcome.packet_max),
                assigned_client_id: welcome.assigned_id,
                subscription_identifiers_available: false,
                shared_subscription_available: false,
                ..ConnectAck::default()
            };
            encode_v5(accepted.into(), out);
        }
    }
}

/// CONNACK of a connection that is not taken.
pub(super) fn refuse(version: Version, refused: Refused, out: &mut BytesMut) {
    use v3::ConnectAckReason as Old;
    let (old, new, sentence) = match refused {
        Refused::Malformed => (Old::ServiceUnavailable, ConnectAckReason::MalformedPacket, "the CONNECT is malformed"),
        Refused::ClientId => (
            Old::IdentifierRejected,
            ConnectAckReason::ClientIdentifierNotValid,
            "this client identifier is not valid or belongs to another account",
        ),
        Refused::Login => {
            (Old::BadUserNameOrPassword, ConnectAckReason::BadUserNameOrPassword, "name or password is wrong")
        }
        Refused::AuthenticationMethod => {
            (Old::NotAuthorized, ConnectAckReason::BadAuthenticationMethod, "only name and password are offered")
        }
        Refused::TooManyAttempts => {
            (Old::NotAuthorized, ConnectAckReason::ConnectionRateExceeded, "too many wrong passwords from this address")
        }
        Refused::Busy => (Old::ServiceUnavailable, ConnectAckReason::ServerBusy, "too many logins at once, come back"),
        Refused::JournalStopped => {
            (Old::ServiceUnavailable, ConnectAckReason::ServerUnavailable, "the journal does not write")
        }
        Refused::Sessions => {
            (Old::ServiceUnavailable, ConnectAckReason::QuotaExceeded, "no further session can be kept now")
        }
        Refused::WillDenied => {
            (Old::NotAuthorized, ConnectAckReason::NotAuthorized, "this account may not publish its will there")
        }
        Refused::WillTopic => {
            (Old::NotAuthorized, ConnectAckReason::TopicNameInvalid, "the will's topic is not valid here")
        }
    };
    match version {
        Version::V3 => {
            encode_v3(v3::Packet::ConnectAck(v3::ConnectAck { return_code: old, session_present: false }), out);
        }
        Version::V5 => {
            let reason_string = Some(ByteString::from_static(sentence));
            encode_v5(ConnectAck { reason_code: new, reason_string, ..ConnectAck::default() }.into(), out);
        }
    }
}

/// The answer to one subscription asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    Granted(QoS),
    Denied,
    NotAFilter,
    TooMany,
    Shared,
}

/// SUBACK.
pub(super) fn subscribed(version: Version, packet_id: NonZeroU16, grants: &[Grant], out: &mut BytesMut) {
    match version {
        Version::V3 => {
            let code = |grant: &Grant| match grant {
                Grant::Granted(qos) => v3::SubscribeReturnCode::Success(*qos),
                _ => v3::SubscribeReturnCode::Failure,
            };
            encode_v3(v3::Packet::SubscribeAck { packet_id, status: grants.iter().map(code).collect() }, out);
        }
        Version::V5 => {
            let code = |grant: &Grant| match grant {
                Grant::Granted(QoS::AtMostOnce) => SubscribeAckReason::GrantedQos0,
                Grant::Granted(_) => SubscribeAckReason::GrantedQos1,
                Grant::Denied => SubscribeAckReason::NotAuthorized,
                Grant::NotAFilter => SubscribeAckReason::TopicFilterInvalid,
                Grant::TooMany => SubscribeAckReason::QuotaExceeded,
                Grant::Shared => SubscribeAckReason::SharedSubscriptionNotSupported,
            };
            let status = grants.iter().map(code).collect();
            let answer = SubscribeAck { packet_id, properties: Vec::new(), reason_string: None, status };
            encode_v5(answer.into(), out);
        }
    }
}

/// UNSUBACK; `existed` says for each filter whether there was such a subscription.
pub(super) fn unsubscribed(version: Version, packet_id: NonZeroU16, existed: &[bool], out: &mut BytesMut) {
    match version {
        Version::V3 => encode_v3(v3::Packet::UnsubscribeAck { packet_id }, out),
        Version::V5 => {
            let code = |existed: &bool| match existed {
                true => UnsubscribeAckReason::Success,
                false => UnsubscribeAckReason::NoSubscriptionExisted,
            };
            let status = existed.iter().map(code).collect();
            let answer = UnsubscribeAck { packet_id, properties: Vec::new(), reason_string: None, status };
            encode_v5(answer.into(), out);
        }
    }
}

/// PUBLISH of an alert or a command.
pub(super) fn alert(version: Version, written: &Written, out: &mut BytesMut) {
    let Written { delivery, packet_id, dup, expires_in_s } = written;
    let expiry = expires_in_s.and_then(NonZeroU32::new);
    let properties = expiry.map(|expiry| {
        let mut properties = PublishProperties::from(Vec::new());
        properties.message_expiry_interval = Some(expiry);
        properties
    });
    let publish = Publish {
        dup: *dup,
        retain: delivery.retain,
        qos: if packet_id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce },
        topic: delivery.alert.topic.clone(),
        packet_id: *packet_id,
        payload: delivery.alert.payload.clone(),
        properties: properties.filter(|_| version == Version::V5),
    };
    match version {
        Version::V3 => encode_v3(publish.into(), out),
        Version::V5 => encode_v5(publish.into(), out),
    }
}

/// DISCONNECT, where the version and the reason have one. Says whether one was written.
pub(super) fn farewell(version: Version, end: &End, out: &mut BytesMut) -> bool {
    use DisconnectReasonCode as Code;
    let (reason_code, sentence) = match end {
        End::Left | End::LeftWithWill | End::HungUp | End::Lost(_) => return false,
        End::Revoked => (Code::AdministrativeAction, "this account is no more"),
        End::Fault(fault) => fault_reason(*fault),
        End::Silent => (Code::KeepAliveTimeout, "nothing heard for one and a half keep-alives"),
        // Closing without any answer is the contract: nothing may look like an acknowledgement.
        End::JournalStopped => return false,
        End::TakenOver => (Code::SessionTakenOver, "another connection has this client identifier"),
        End::Stopping => (Code::ServerShuttingDown, "the server stops"),
        End::NoMemory => (Code::QuotaExceeded, "no memory for a packet of this size now"),
    };
    if version == Version::V3 {
        return false;
    }
    let reason_string = Some(ByteString::from_static(sentence));
    encode_v5(Disconnect { reason_string, ..Disconnect::new(reason_code) }.into(), out);
    true
}

fn fault_reason(fault: Fault) -> (DisconnectReasonCode, &'static str) {
    use DisconnectReasonCode as Code;
    match fault {
        Fault::TooLarge => (Code::PacketTooLarge, "the packet is larger than announced"),
        Fault::Malformed => (Code::MalformedPacket, "the packet is malformed"),
        Fault::Protocol => (Code::ProtocolError, "this packet has no place here"),
        Fault::TopicName => (Code::TopicNameInvalid, "a topic has letters and no NUL, + or #"),
        Fault::TopicAlias => (Code::TopicAliasInvalid, "topic aliases are not offered"),
        Fault::Window => (Code::ReceiveMaximumExceeded, "more messages in flight than announced"),
        Fault::Denied => (Code::NotAuthorized, "this account may not publish there"),
        Fault::SubscriptionId => {
            (Code::SubscriptionIdentifiersNotSupported, "subscription identifiers are not offered")
        }
    }
}
