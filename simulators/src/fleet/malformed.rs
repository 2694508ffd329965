//! Messages that are none, one class each: what broken firmware, broken links and strangers send.

/// A class of malformed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformation {
    /// No byte at all.
    Empty,
    /// Cut in the middle.
    Truncated,
    /// No JSON.
    NotJson,
    /// Bytes that are no UTF-8, in a text.
    BadUtf8,
    /// A number as a text.
    NumberAsText,
    /// `NaN`, which JSON has not.
    NotANumber,
    /// A number beyond every float.
    HugeNumber,
    /// A property that the station does not have.
    UnknownProperty,
    /// A station that nobody knows.
    UnknownStation,
    /// A time that is none.
    BadTime,
    /// A time without its offset.
    TimeWithoutOffset,
    /// A time in the far future.
    FarFuture,
    /// An object where a number belongs.
    NestedObject,
    /// Arrays in arrays, ten thousand deep.
    DeepNesting,
    /// A key twice.
    DuplicateKey,
    /// Rubbish after the object.
    TrailingBytes,
    /// An array whose second element is broken.
    HalfGoodArray,
    /// An array of nothing.
    EmptyArray,
    /// Only a number.
    BareNumber,
    /// `null` where an object belongs.
    Null,
    /// A status word that nobody knows.
    UnknownStatus,
    /// 200 KiB of a text.
    LongText,
    /// NUL bytes.
    Nul,
    /// A topic with letters outside ASCII.
    ForeignTopic,
    /// A property in the topic that the station does not have.
    PropertyTopic,
}

/// A malformed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specimen {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Malformation {
    /// Every class, in order.
    pub const ALL: [Malformation; 25] = [
        Malformation::Empty,
        Malformation::Truncated,
        Malformation::NotJson,
        Malformation::BadUtf8,
        Malformation::NumberAsText,
        Malformation::NotANumber,
        Malformation::HugeNumber,
        Malformation::UnknownProperty,
        Malformation::UnknownStation,
        Malformation::BadTime,
        Malformation::TimeWithoutOffset,
        Malformation::FarFuture,
        Malformation::NestedObject,
        Malformation::DeepNesting,
        Malformation::DuplicateKey,
        Malformation::TrailingBytes,
        Malformation::HalfGoodArray,
        Malformation::EmptyArray,
        Malformation::BareNumber,
        Malformation::Null,
        Malformation::UnknownStatus,
        Malformation::LongText,
        Malformation::Nul,
        Malformation::ForeignTopic,
        Malformation::PropertyTopic,
    ];

    /// A message of the class, made from a good one: its topic, time and payload.
    pub fn specimen(self, topic: &str, time: &str, good: &[u8]) -> Specimen {
        let with = |tail: &str| format!("{{\"time\":\"{time}\",{tail}}}").into_bytes();
        let timed = |time: &str| format!("{{\"time\":{time},\"air_temperature\":21.5}}").into_bytes();
        let payload = match self {
            Self::Empty => Vec::new(),
            Self::Truncated => good[..good.len() / 2].to_vec(),
            Self::NotJson => b"temp=21.5;hum=80".to_vec(),
            Self::BadUtf8 => [b"{\"time\":\"".as_slice(), &[0xC3, 0x28, 0xFF], b"\",\"air_temperature\":1}"].concat(),
            Self::NumberAsText => with("\"air_temperature\":\"warm\""),
            Self::NotANumber => with("\"air_temperature\":NaN"),
            Self::HugeNumber => with("\"air_temperature\":1e99999"),
            Self::UnknownProperty => with("\"phlogiston\":1.5"),
            Self::UnknownStation | Self::ForeignTopic | Self::PropertyTopic => good.to_vec(),
            Self::BadTime => timed("\"yesterday\""),
            Self::TimeWithoutOffset => timed(&format!("\"{}\"", time.get(..19).unwrap_or(time))),
            Self::FarFuture => timed("\"2199-01-01T00:00:00Z\""),
            Self::NestedObject => with("\"air_temperature\":{\"value\":21.5,\"unit\":\"Cel\"}"),
            Self::DeepNesting => [vec![b'['; 10_000], vec![b']'; 10_000]].concat(),
            Self::DuplicateKey => with("\"air_temperature\":21.5,\"air_temperature\":-3"),
            Self::TrailingBytes => [good, b"}}garbage"].concat(),
            Self::HalfGoodArray => [b"[".as_slice(), good, b",{\"time\":]"].concat(),
            Self::EmptyArray => b"[]".to_vec(),
            Self::BareNumber => b"21.5".to_vec(),
            Self::Null => b"null".to_vec(),
            Self::UnknownStatus => with("\"air_temperature\":21.5,\"status\":\"sleeping\""),
            Self::LongText => with(&format!("\"note\":\"{}\"", "x".repeat(200 * 1024))),
            Self::Nul => vec![0; 64],
        };
        let topic = match self {
            Self::UnknownStation => format!("{topic}-NOBODY"),
            Self::ForeignTopic => "đo/mưa/trạm-1".to_owned(),
            Self::PropertyTopic => format!("{topic}/phlogiston"),
            _ => topic.to_owned(),
        };
        Specimen { topic, payload }
    }
}
