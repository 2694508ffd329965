//! Mapbox Vector Tiles 2.1, written by hand: a tile is a few nested protocol buffers.
//!
//! ```text
//! tile    = layer*                                            field 3
//! layer   = 1 name, 2 feature*, 3 key*, 4 value*, 5 extent, 15 version (2)
//! feature = 1 id, 2 tags (key, value pairs), 3 type, 4 geometry (commands and zigzag steps)
//! ```
//! Source: https://github.com/mapbox/vector-tile-spec/tree/master/2.1. Keys and values are written once a layer, and
//! named by their numbers. Left out on purpose: reading, and values of types that no layer has (float, sint).

use std::hash::BuildHasher as _;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::mercator::EXTENT;

/// An attribute's value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'v> {
    /// Text.
    Text(&'v str),
    /// A number; one that is not finite is left out.
    Number(f64),
    /// A whole number.
    Whole(i64),
    /// Yes or no.
    Flag(bool),
}

/// A geometry in units of the tile. Rings are not closed: their last point is not the first again.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A point.
    Point([i32; 2]),
    /// Lines of two points and more.
    Lines(Vec<Vec<[i32; 2]>>),
    /// Rings of three points and more: an outer one, clockwise with y to the south, then its holes the other way round.
    Rings(Vec<Vec<[i32; 2]>>),
}

/// One layer of a tile.
pub struct LayerWriter {
    name: &'static str,
    features: Vec<u8>,
    count: usize,
    keys: Vec<Box<str>>,
    key_bytes: Vec<u8>,
    values: Values,
    /// Of the feature that is being written: the number of its last key, and its attributes.
    last_key: usize,
    tags: Vec<u8>,
    scratch: Vec<u8>,
}

impl LayerWriter {
    /// A layer without features yet.
    pub fn new(name: &'static str) -> LayerWriter {
        LayerWriter {
            name,
            features: Vec::new(),
            count: 0,
            keys: Vec::new(),
            key_bytes: Vec::new(),
            values: Values::default(),
            last_key: 0,
            tags: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Features so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes so far, nearly.
    pub fn bytes(&self) -> usize {
        self.features.len() + self.key_bytes.len() + self.values.bytes.len()
    }

    /// Gives the next feature an attribute.
    pub fn tag(&mut self, key: &str, value: Value<'_>) {
        let out = &mut self.scratch;
        out.clear();
        match value {
            Value::Text(text) => bytes_field(out, 1, text.as_bytes()),
            Value::Number(number) if !number.is_finite() => return,
            Value::Number(number) => {
                key_of(out, 3, 1);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Value::Whole(number) => {
                key_of(out, 4, 0);
                varint(out, number as u64);
            }
            Value::Flag(flag) => {
                key_of(out, 7, 0);
                varint(out, u64::from(flag));
            }
        }
        let value = self.values.number_of(&self.scratch);
        self.tag_numbered(key, value);
    }

    /// The same for text that hardly any other feature has: it is not looked for among the values.
    pub fn tag_own(&mut self, key: &str, text: &str) {
        self.scratch.clear();
        bytes_field(&mut self.scratch, 1, text.as_bytes());
        let value = self.values.push(&self.scratch);
        self.tag_numbered(key, value);
    }

    /// The same for text that may be absent.
    pub fn tag_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.tag(key, Value::Text(text));
        }
    }

    fn tag_numbered(&mut self, key: &str, value: u32) {
        // Most features have the same keys in the same order: the next one is found at once.
        let count = self.keys.len();
        let mut from_last = (self.last_key + 1..count).chain(0..count.min(self.last_key + 1));
        let known = from_last.find(|number| &*self.keys[*number] == key);
        self.last_key = known.unwrap_or_else(|| {
            bytes_field(&mut self.key_bytes, 3, key.as_bytes());
            self.keys.push(key.into());
            count
        });
        varint(&mut self.tags, self.last_key as u64);
        varint(&mut self.tags, u64::from(value));
    }

    /// Ends a feature with the attributes given since the last one.
    pub fn feature(&mut self, id: Option<u64>, shape: &Shape) {
        let geometry = &mut self.scratch;
        geometry.clear();
        let kind = steps(shape, geometry);
        let with_length = |bytes: usize| if bytes == 0 { 0 } else { 1 + varint_length(bytes as u64) + bytes };
        let id_length = id.map_or(0, |id| 1 + varint_length(id));
        let length = id_length + with_length(self.tags.len()) + 2 + with_length(geometry.len());
        let out = &mut self.features;
        key_of(out, 2, 2);
        varint(out, length as u64);
        if let Some(id) = id {
            key_of(out, 1, 0);
            varint(out, id);
        }
        packed(out, 2, &self.tags);
        key_of(out, 3, 0);
        varint(out, kind);
        packed(out, 4, geometry);
        self.tags.clear();
        self.last_key = self.keys.len();
        self.count += 1;
    }

    /// Writes the layer at the end of a tile; nothing when it is empty.
    pub fn finish(self, tile: &mut Vec<u8>) {
        if self.count == 0 {
            return;
        }
        let mut head = Vec::new();
        key_of(&mut head, 15, 0);
        varint(&mut head, 2);
        bytes_field(&mut head, 1, self.name.as_bytes());
        key_of(&mut head, 5, 0);
        varint(&mut head, u64::from(EXTENT));
        let parts = [&head, &self.features, &self.key_bytes, &self.values.bytes];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        tile.reserve(length + 16);
        key_of(tile, 3, 2);
        varint(tile, length as u64);
        parts.iter().for_each(|part| tile.extend_from_slice(part));
    }
}

/// Values of a layer as they are written, by number.
#[derive(Default)]
struct Values {
    bytes: Vec<u8>,
    count: u32,
    /// Those that may be looked for: the number of each, and where its own bytes are.
    known: HashTable<(u32, Range<usize>)>,
    hasher: DefaultHashBuilder,
}

impl Values {
    /// Writes one that is not there yet.
    fn push(&mut self, one: &[u8]) -> u32 {
        bytes_field(&mut self.bytes, 4, one);
        self.count += 1;
        self.count - 1
    }

    /// The number of one, which is written when it is not there yet.
    fn number_of(&mut self, one: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(one);
        if let Some((number, _)) = self.known.find(hash, |(_, own)| &self.bytes[own.clone()] == one) {
            return *number;
        }
        let number = self.push(one);
        let own = self.bytes.len() - one.len()..self.bytes.len();
        self.known.insert_unique(hash, (number, own), |(_, own)| self.hasher.hash_one(&self.bytes[own.clone()]));
        number
    }
}

fn key_of(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn varint(out: &mut Vec<u8>, value: u64) {
    if value < 0x80 {
        return out.push(value as u8);
    }
    let mut bytes = [0_u8; 10];
    let length = varint_length(value);
    for (place, byte) in bytes[..length].iter_mut().enumerate() {
        *byte = (value >> (7 * place)) as u8 | 0x80;
    }
    bytes[length - 1] &= 0x7f;
    out.extend_from_slice(&bytes[..length]);
}

/// Seven bits a byte.
fn varint_length(value: u64) -> usize {
    ((70 - (value | 1).leading_zeros()) / 7) as usize
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key_of(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Numbers that are encoded already; left out when there are none.
fn packed(out: &mut Vec<u8>, field: u64, numbers: &[u8]) {
    if !numbers.is_empty() {
        bytes_field(out, field, numbers);
    }
}

const MOVE_TO: u64 = 1;
const LINE_TO: u64 = 2;
const CLOSE_PATH: u64 = 7;

fn command(out: &mut Vec<u8>, command: u64, count: usize) {
    varint(out, command | (count as u64) << 3);
}

/// Writes the commands; gives the geometry's type.
fn steps(shape: &Shape, out: &mut Vec<u8>) -> u64 {
    let mut pen = [0_i32; 2];
    let mut to = |out: &mut Vec<u8>, at: [i32; 2]| {
        for axis in 0..2 {
            let step = at[axis].wrapping_sub(pen[axis]);
            varint(out, u64::from((step.wrapping_shl(1) ^ (step >> 31)) as u32));
        }
        pen = at;
    };
    let mut path = |out: &mut Vec<u8>, points: &[[i32; 2]]| {
        let Some((first, rest)) = points.split_first() else { return };
        command(out, MOVE_TO, 1);
        to(out, *first);
        if !rest.is_empty() {
            command(out, LINE_TO, rest.len());
            rest.iter().for_each(|at| to(out, *at));
        }
    };
    match shape {
        Shape::Point(at) => {
            path(out, &[*at]);
            1
        }
        Shape::Lines(lines) => {
            lines.iter().for_each(|line| path(out, line));
            2
        }
        Shape::Rings(rings) => {
            for ring in rings {
                path(out, ring);
                command(out, CLOSE_PATH, 1);
            }
            3
        }
    }
}
