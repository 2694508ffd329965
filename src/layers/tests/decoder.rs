//! Reads vector tiles, by the format's own description and a library's reader of protocol buffers.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct RawTile {
    #[prost(message, repeated, tag = "3")]
    layers: Vec<RawLayer>,
}

#[derive(Clone, PartialEq, Message)]
struct RawLayer {
    #[prost(uint32, tag = "15")]
    version: u32,
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    features: Vec<RawFeature>,
    #[prost(string, repeated, tag = "3")]
    keys: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    values: Vec<RawValue>,
    #[prost(uint32, tag = "5")]
    extent: u32,
}

#[derive(Clone, PartialEq, Message)]
struct RawFeature {
    #[prost(uint64, optional, tag = "1")]
    id: Option<u64>,
    #[prost(uint32, repeated, tag = "2")]
    tags: Vec<u32>,
    #[prost(uint32, tag = "3")]
    kind: u32,
    #[prost(uint32, repeated, tag = "4")]
    geometry: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct RawValue {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(double, optional, tag = "3")]
    number: Option<f64>,
    #[prost(int64, optional, tag = "4")]
    whole: Option<i64>,
    #[prost(bool, optional, tag = "7")]
    flag: Option<bool>,
}

/// A feature as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    pub id: Option<u64>,
    pub kind: u32,
    pub paths: Vec<Vec<[i32; 2]>>,
    pub attributes: BTreeMap<String, String>,
}

impl Feature {
    pub fn whole(&self, key: &str) -> i64 {
        self.attributes.get(key).map_or(0, |text| text.parse().unwrap())
    }
}

/// Layers of a tile by their names.
pub fn read(bytes: &[u8]) -> BTreeMap<String, Vec<Feature>> {
    let tile = RawTile::decode(bytes).unwrap();
    let mut layers = BTreeMap::new();
    for layer in tile.layers {
        assert_eq!((layer.version, layer.extent), (2, 4_096));
        let features = layer.features.iter().map(|feature| read_feature(&layer, feature)).collect();
        assert!(layers.insert(layer.name.clone(), features).is_none(), "a name stands once in a tile");
    }
    layers
}

fn read_feature(layer: &RawLayer, raw: &RawFeature) -> Feature {
    assert!(raw.tags.len().is_multiple_of(2));
    let attributes = raw.tags.chunks(2).map(|pair| {
        let value = &layer.values[pair[1] as usize];
        let parts = [
            value.text.clone(),
            value.number.map(|number| number.to_string()),
            value.whole.map(|number| number.to_string()),
            value.flag.map(|flag| flag.to_string()),
        ];
        let mut known = parts.into_iter().flatten();
        (layer.keys[pair[0] as usize].clone(), known.next().unwrap())
    });
    Feature { id: raw.id, kind: raw.kind, attributes: attributes.collect(), paths: paths(&raw.geometry) }
}

fn paths(commands: &[u32]) -> Vec<Vec<[i32; 2]>> {
    let (mut paths, mut pen): (Vec<Vec<[i32; 2]>>, _) = (Vec::new(), [0_i32; 2]);
    let mut rest = commands.iter().copied();
    while let Some(command) = rest.next() {
        let (what, count) = (command & 7, command >> 3);
        if what == 7 {
            assert_eq!(count, 1);
            continue;
        }
        for _ in 0..count {
            for axis in &mut pen {
                let step = rest.next().unwrap();
                *axis += ((step >> 1) as i32) ^ -((step & 1) as i32);
            }
            match what {
                1 => paths.push(vec![pen]),
                2 => paths.last_mut().unwrap().push(pen),
                _ => panic!("an unknown command {what}"),
            }
        }
    }
    paths
}
