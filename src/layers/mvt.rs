//! Mapbox Vector Tiles 2.1, written by hand: a tile is a few nested protocol buffers.
//!
//! ```text
//! tile    = layer*                                            field 3
//! layer   = 1 name, 2 feature*, 3 key*, 4 value*, 5 extent, 15 version (2)
//! feature = 1 id, 2 tags (key, value pairs), 3 type, 4 geometry (commands and zigzag steps)
//! ```
//! Source: https://github.com/mapbox/vector-tile-spec/tree/master/2.1. Keys and values are written once a layer, and
//! named by their numbers. Left out on purpose: reading, and values of types that no layer has (float, sint).

use hashbrown::HashMap;

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
    keys: HashMap<String, u32>,
    key_bytes: Vec<u8>,
    values: HashMap<Vec<u8>, u32>,
    value_bytes: Vec<u8>,
    tags: Vec<u32>,
    scratch: Vec<u8>,
    steps: Vec<u32>,
}

impl LayerWriter {
    /// A layer without features yet.
    pub fn new(name: &'static str) -> LayerWriter {
        LayerWriter {
            name,
            features: Vec::new(),
            count: 0,
            keys: HashMap::new(),
            key_bytes: Vec::new(),
            values: HashMap::new(),
            value_bytes: Vec::new(),
            tags: Vec::new(),
            scratch: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Features so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes so far, nearly.
    pub fn bytes(&self) -> usize {
        self.features.len() + self.key_bytes.len() + self.value_bytes.len()
    }

    /// Gives the next feature an attribute.
    pub fn tag(&mut self, key: &str, value: Value<'_>) {
        self.scratch.clear();
        match value {
            Value::Text(text) => bytes_field(&mut self.scratch, 1, text.as_bytes()),
            Value::Number(number) if !number.is_finite() => return,
            Value::Number(number) => {
                key_of(&mut self.scratch, 3, 1);
                self.scratch.extend_from_slice(&number.to_le_bytes());
            }
            Value::Whole(number) => {
                key_of(&mut self.scratch, 4, 0);
                varint(&mut self.scratch, number as u64);
            }
            Value::Flag(flag) => {
                key_of(&mut self.scratch, 7, 0);
                varint(&mut self.scratch, u64::from(flag));
            }
        }
        let key_number = match self.keys.get(key) {
            Some(number) => *number,
            None => {
                let number = self.keys.len() as u32;
                self.keys.insert(key.to_owned(), number);
                bytes_field(&mut self.key_bytes, 3, key.as_bytes());
                number
            }
        };
        let value_number = match self.values.get(&self.scratch) {
            Some(number) => *number,
            None => {
                let number = self.values.len() as u32;
                self.values.insert(self.scratch.clone(), number);
                bytes_field(&mut self.value_bytes, 4, &self.scratch);
                number
            }
        };
        self.tags.extend([key_number, value_number]);
    }

    /// The same for text that may be absent.
    pub fn tag_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.tag(key, Value::Text(text));
        }
    }

    /// Ends a feature with the attributes given since the last one.
    pub fn feature(&mut self, id: Option<u64>, shape: &Shape) {
        self.steps.clear();
        let kind = steps(shape, &mut self.steps);
        let feature = &mut self.scratch;
        feature.clear();
        if let Some(id) = id {
            key_of(feature, 1, 0);
            varint(feature, id);
        }
        packed(feature, 2, &self.tags);
        key_of(feature, 3, 0);
        varint(feature, kind);
        packed(feature, 4, &self.steps);
        bytes_field(&mut self.features, 2, feature);
        self.tags.clear();
        self.count += 1;
    }

    /// Writes the layer at the end of a tile; nothing when it is empty.
    pub fn finish(self, tile: &mut Vec<u8>) {
        if self.count == 0 {
            return;
        }
        let mut layer = Vec::with_capacity(self.bytes() + 64);
        key_of(&mut layer, 15, 0);
        varint(&mut layer, 2);
        bytes_field(&mut layer, 1, self.name.as_bytes());
        layer.extend_from_slice(&self.features);
        layer.extend_from_slice(&self.key_bytes);
        layer.extend_from_slice(&self.value_bytes);
        key_of(&mut layer, 5, 0);
        varint(&mut layer, u64::from(EXTENT));
        bytes_field(tile, 3, &layer);
    }
}

fn key_of(out: &mut Vec<u8>, field: u64, wire: u64) {
    varint(out, field << 3 | wire);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    key_of(out, field, 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn packed(out: &mut Vec<u8>, field: u64, numbers: &[u32]) {
    if numbers.is_empty() {
        return;
    }
    let length = |number: &u32| ((38 - (number | 1).leading_zeros()) / 7) as u64;
    key_of(out, field, 2);
    varint(out, numbers.iter().map(length).sum());
    numbers.iter().for_each(|number| varint(out, u64::from(*number)));
}

const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const CLOSE_PATH: u32 = 7;

/// Writes the commands; gives the geometry's type.
fn steps(shape: &Shape, out: &mut Vec<u32>) -> u64 {
    let mut pen = [0_i32; 2];
    let mut to = |out: &mut Vec<u32>, at: [i32; 2]| {
        for axis in 0..2 {
            let step = at[axis].wrapping_sub(pen[axis]);
            out.push((step.wrapping_shl(1) ^ (step >> 31)) as u32);
        }
        pen = at;
    };
    let mut path = |out: &mut Vec<u32>, points: &[[i32; 2]]| {
        let Some((first, rest)) = points.split_first() else { return };
        out.push(MOVE_TO | 1 << 3);
        to(out, *first);
        if !rest.is_empty() {
            out.push(LINE_TO | (rest.len() as u32) << 3);
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
                out.push(CLOSE_PATH | 1 << 3);
            }
            3
        }
    }
}
