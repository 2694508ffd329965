//! The Sparkplug B payload (specification 3.0, section 6.4), as far as it is read; field numbers are the standard's.
//!
//! Metrics, property sets, tables and templates stay bytes until they are wanted, and bytes are slices of the payload:
//! a payload costs 32 bytes a metric (4 MiB at most in 256 KiB) before anything is known of it. Property sets are read
//! one at a time. Nothing recursive is read.

use bytes::Bytes;

/// One message.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Payload {
    /// Milliseconds since 1970: when it was sent.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    /// Each a [`Metric`].
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) metrics: Vec<Bytes>,
    /// 0 to 255 over all messages of a node; NDEATH has none.
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
    /// Says what `body` is; `SPBV1.0_COMPRESSED` for a compressed payload.
    #[prost(string, optional, tag = "4")]
    pub(super) uuid: Option<String>,
}

/// One value.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    /// Milliseconds since 1970: when it was measured.
    #[prost(uint64, optional, tag = "3")]
    pub(super) timestamp: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    /// A [`PropertySet`].
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(super) properties: Option<Bytes>,
    #[prost(oneof = "Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18, 19")]
    pub(super) value: Option<Value>,
}

/// A metric's value. Signed integers are two's complement in the unsigned fields.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Value {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(bytes = "bytes", tag = "15")]
    Text(Bytes),
    #[prost(bytes = "bytes", tag = "16")]
    Bytes(Bytes),
    #[prost(bytes = "bytes", tag = "17")]
    DataSet(Bytes),
    #[prost(bytes = "bytes", tag = "18")]
    Template(Bytes),
    #[prost(bytes = "bytes", tag = "19")]
    Extension(Bytes),
}

/// Properties of a metric: key and value by place.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PropertySet {
    #[prost(string, repeated, tag = "1")]
    pub(super) keys: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<PropertyValue>,
}

/// A property, as far as it is a number or a text.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PropertyValue {
    #[prost(uint32, optional, tag = "3")]
    pub(super) int: Option<u32>,
    #[prost(uint64, optional, tag = "4")]
    pub(super) long: Option<u64>,
    #[prost(string, optional, tag = "8")]
    pub(super) text: Option<String>,
}

/// Data types (section 6.4.16) that a number can come of.
pub(super) mod datatype {
    pub(in super::super) const INT8: u32 = 1;
    pub(in super::super) const INT16: u32 = 2;
    pub(in super::super) const INT32: u32 = 3;
    pub(in super::super) const INT64: u32 = 4;
    pub(in super::super) const UINT8: u32 = 5;
    pub(in super::super) const UINT16: u32 = 6;
    pub(in super::super) const UINT32: u32 = 7;
    pub(in super::super) const UINT64: u32 = 8;
    pub(in super::super) const FLOAT: u32 = 9;
    pub(in super::super) const DOUBLE: u32 = 10;
    pub(in super::super) const BOOLEAN: u32 = 11;
    pub(in super::super) const STRING: u32 = 12;
    pub(in super::super) const DATE_TIME: u32 = 13;
    pub(in super::super) const TEXT: u32 = 14;
    pub(in super::super) const UUID: u32 = 15;
}
