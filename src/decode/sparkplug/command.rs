//! The one thing that is said to an edge node: tell your birth certificates again (section 6.4.20, "NCMD": the metric
//! `Node Control/Rebirth`, a truth value that is true).

use bytes::Bytes;
use prost::Message as _;

use super::proto::{Metric, Payload, Value, datatype};
use super::{NAMESPACE, Timestamp};

/// Topic and payload that ask a node (`group/node`) for its births; `None` when that is no node's name.
pub fn rebirth(node: &str, now: Timestamp) -> Option<(String, Vec<u8>)> {
    let (group, node) = node.split_once('/')?;
    let is_level = |name: &str| !name.is_empty() && !name.contains(['/', '+', '#', '\0']);
    if !is_level(group) || !is_level(node) {
        return None;
    }
    let millis = u64::try_from(now.micros() / 1_000).ok();
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp: millis,
        datatype: Some(datatype::BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let metrics = vec![Bytes::from(metric.encode_to_vec())];
    let payload = Payload { timestamp: millis, metrics, ..Payload::default() };
    Some((format!("{NAMESPACE}/{group}/NCMD/{node}"), payload.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_asked_on_its_own_topic_in_the_standards_bytes() {
        let (topic, payload) = rebirth("Lai Châu/cổng-1", Timestamp::from_millis(1)).unwrap();
        assert_eq!(topic, "spBv1.0/Lai Châu/NCMD/cổng-1");
        // By hand: 1 timestamp = 1; 2 metric of 28 bytes: 1 name, 3 timestamp = 1, 4 data type 11, 14 true.
        let mut expected = vec![0x08, 1, 0x12, 28, 0x0A, 20];
        expected.extend_from_slice(b"Node Control/Rebirth");
        expected.extend_from_slice(&[0x18, 1, 0x20, 11, 0x70, 1]);
        assert_eq!(payload, expected);
        for name in ["", "a", "a/", "/b", "a/b/c", "a/+", "#/b"] {
            assert_eq!(rebirth(name, Timestamp::EPOCH), None, "{name}");
        }
    }
}
