//! What births have told of each edge node: names, data types and units behind aliases, the sequence number that is
//! due, and the number that ties a death to its birth.
//!
//! Bounds: [`NODES_MAX`] nodes, [`DEVICES_MAX`] devices a node, [`BYTES_MAX`] bytes in all. The node that was heard
//! longest ago makes room; when it speaks again, its birth is asked for.

use std::collections::HashMap;
use std::time::Duration;

use super::super::reject;
use crate::model::{Reason, Rejection, Timestamp};

/// Edge nodes remembered at once.
const NODES_MAX: usize = 2_000;
/// Devices of one edge node.
const DEVICES_MAX: usize = 1_000;
/// Names, units and tables of all nodes; one node may hold an eighth of it.
const BYTES_MAX: usize = 64 << 20;
const NODE_BYTES_MAX: usize = BYTES_MAX / 8;
/// What a metric costs beside its name and unit: two table entries with their share of free places.
const METRIC_BYTES: usize = 160;
/// What a device or node costs beside its metrics.
const THING_BYTES: usize = 400;
/// A birth that was asked for is asked for again after this long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What is remembered between messages. Lost with the process: births are then asked for again.
#[derive(Clone, Debug, Default)]
pub struct Session {
    nodes: HashMap<Box<str>, Node>,
    bytes: usize,
    heard_count: u64,
}

/// One edge node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Whether its birth is known and no death came since.
    pub(super) is_born: bool,
    pub(super) bd_seq: Option<u64>,
    last_seq: Option<u8>,
    last_sent: Option<u64>,
    asked_at: Option<Timestamp>,
    own: Births,
    devices: HashMap<Box<str>, Births>,
    bytes: usize,
    heard: u64,
}

/// What one birth told of its metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct Births {
    by_alias: HashMap<u64, usize>,
    by_name: HashMap<Box<str>, usize>,
    metrics: Vec<Known>,
    bytes: usize,
}

/// A metric as its birth told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: Box<str>,
    pub(super) datatype: u32,
    pub(super) unit: Option<Box<str>>,
}

/// What a sequence number says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// It was due, or there is nothing to compare it with.
    Due,
    /// The message before, once more.
    Again,
    /// So many messages are missing.
    Missed(u64),
}

impl Session {
    /// The node, remembered from now on.
    pub(super) fn node(&mut self, name: &str) -> &mut Node {
        self.heard_count += 1;
        if !self.nodes.contains_key(name) {
            self.bytes += THING_BYTES + name.len();
            let node = Node { bytes: THING_BYTES + name.len(), ..Node::default() };
            self.nodes.insert(name.into(), node);
        }
        while self.nodes.len() > NODES_MAX || self.bytes > BYTES_MAX {
            let quietest = self.nodes.iter().filter(|(other, _)| ***other != *name).min_by_key(|(_, node)| node.heard);
            let Some(quietest) = quietest.map(|(other, _)| other.clone()) else { break };
            self.bytes -= self.nodes.remove(&quietest).map_or(0, |node| node.bytes);
        }
        let node = self.nodes.entry(name.into()).or_default();
        node.heard = self.heard_count;
        node
    }

    /// Remembers a birth of the node itself (`device` is `None`) or of one of its devices.
    pub(super) fn remember(&mut self, name: &str, device: Option<&str>, births: Births) -> Result<(), Rejection> {
        let node = self.node(name);
        let bytes_before = node.bytes;
        let result = node.remember(device, births);
        let bytes = node.bytes;
        self.bytes = self.bytes + bytes - bytes_before;
        result
    }

    /// Forgets what a birth told; the names of devices that were alive when the whole node is meant.
    pub(super) fn forget(&mut self, name: &str, device: Option<&str>) -> Vec<Box<str>> {
        let node = self.node(name);
        let bytes_before = node.bytes;
        let gone = node.forget(device);
        let bytes = node.bytes;
        self.bytes = self.bytes + bytes - bytes_before;
        gone
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.bytes, self.nodes.values().map(|node| node.bytes).sum())
    }
}

impl Node {
    /// Takes the sequence number of a message that is not a birth of the node; `sent` is the payload's own time.
    pub(super) fn follow(&mut self, seq: u8, sent: Option<u64>) -> Order {
        let (last, sent_before) = (self.last_seq.replace(seq), std::mem::replace(&mut self.last_sent, sent));
        let Some(last) = last else { return Order::Due };
        match seq.wrapping_sub(last) {
            1 => Order::Due,
            0 if sent.is_some() && sent == sent_before => Order::Again,
            0 => Order::Missed(255),
            ahead => Order::Missed(u64::from(ahead) - 1),
        }
    }

    /// Begins the count with the birth of the node.
    pub(super) fn begin(&mut self, seq: Option<u8>, sent: Option<u64>, bd_seq: Option<u64>) {
        (self.is_born, self.bd_seq, self.last_seq, self.last_sent) = (true, bd_seq, seq, sent);
        self.asked_at = None;
    }

    /// Ends the count: a death says nothing of the messages that follow.
    pub(super) fn end(&mut self) {
        (self.is_born, self.last_seq, self.last_sent) = (false, None, None);
    }

    /// Whether a birth is to be asked for now; not again within [`ASK_AGAIN_AFTER`].
    pub(super) fn ask(&mut self, now: Timestamp) -> bool {
        let waits = self.asked_at.is_some_and(|asked| now >= asked && now.since(asked) < ASK_AGAIN_AFTER);
        if !waits {
            self.asked_at = Some(now);
        }
        !waits
    }

    /// What the birth of the node, or of a device, told.
    pub(super) fn births(&self, device: Option<&str>) -> Option<&Births> {
        match device {
            Some(device) => self.devices.get(device),
            None => self.is_born.then_some(&self.own),
        }
    }

    fn remember(&mut self, device: Option<&str>, births: Births) -> Result<(), Rejection> {
        self.forget_one(device);
        let cost = births.bytes + device.map_or(0, |device| THING_BYTES + device.len());
        if self.bytes + cost > NODE_BYTES_MAX || (device.is_some() && self.devices.len() == DEVICES_MAX) {
            let detail = format!("the births of one node go beyond {DEVICES_MAX} devices or {NODE_BYTES_MAX} bytes");
            return Err(reject(Reason::TooManyReadings, detail));
        }
        self.bytes += cost;
        match device {
            Some(device) => {
                self.devices.insert(device.into(), births);
            }
            None => self.own = births,
        }
        Ok(())
    }

    fn forget(&mut self, device: Option<&str>) -> Vec<Box<str>> {
        self.forget_one(device);
        let mut gone = Vec::new();
        if device.is_none() {
            for (device, births) in self.devices.drain() {
                self.bytes -= births.bytes + THING_BYTES + device.len();
                gone.push(device);
            }
            gone.sort_unstable();
        }
        gone
    }

    fn forget_one(&mut self, device: Option<&str>) {
        match device {
            Some(device) => {
                let cost = |births: Births| births.bytes + THING_BYTES + device.len();
                self.bytes -= self.devices.remove(device).map_or(0, cost);
            }
            None => self.bytes -= std::mem::take(&mut self.own).bytes,
        }
    }
}

impl Births {
    /// Remembers a metric; a name or alias that is told twice means the later one.
    pub(super) fn tell(&mut self, alias: Option<u64>, known: Known) {
        let place = self.metrics.len();
        self.bytes += METRIC_BYTES + 2 * known.name.len() + known.unit.as_ref().map_or(0, |unit| unit.len());
        self.by_name.insert(known.name.clone(), place);
        if let Some(alias) = alias {
            self.by_alias.insert(alias, place);
        }
        self.metrics.push(known);
    }

    pub(super) fn by_alias(&self, alias: u64) -> Option<&Known> {
        self.by_alias.get(&alias).and_then(|place| self.metrics.get(*place))
    }

    pub(super) fn by_name(&self, name: &str) -> Option<&Known> {
        self.by_name.get(name).and_then(|place| self.metrics.get(*place))
    }
}
