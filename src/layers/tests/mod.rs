//! What must hold of every layer: tiles put together are the layer, clusters add up, a tag does not lie, and what is
//! drawn piece by piece is what would be drawn at once.

mod crowded;
mod decoder;
mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use geo::{Area as _, MultiPolygon, polygon};
use parking_lot::RwLock;
use proptest::prelude::*;

use super::areas::{Choropleth, Division};
use super::dots::Item;
use super::mercator::{SIDE, World};
use super::points::{Within, items, points};
use super::tally::Tally;
use super::*;
use crate::live::Feed;
use crate::model::{
    Area, AreaId, AreaLevel, Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position,
    Property, Quality, Range, RuleFile, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass,
    Timestamp, Unit,
};
use crate::registry::{AreaShape, Areas};
use crate::state::{Effects, State};

const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

/// A station: where, which kind, in which of two areas or none.
type Row = (World, usize, Option<usize>);

const PROPERTIES: [&str; 7] =
    ["level_of_service", "pm2_5", "air_temperature", "river_alarm_stage", "rainfall", "smoke", "energy"];

fn name(text: &str) -> LocalName {
    LocalName { vi: text.into(), en: text.into() }
}

fn area(id: &str, west: f64) -> AreaShape {
    let area = Area { id: AreaId::new(id), level: AreaLevel::Commune, name: name(id), parent: None };
    let polygon = polygon![(x: west, y: 22.0), (x: west + 1.0, y: 22.0), (x: west + 1.2, y: 22.9), (x: west, y: 23.0)];
    AreaShape::new(area, MultiPolygon::new(vec![polygon]), None).unwrap()
}

/// The eastern half of the first area's south, and a part of the second's.
fn compartment(id: &str, west: f64, east: f64, commune: &str) -> AreaShape {
    let (level, parent) = (AreaLevel::ForestCompartment, Some(AreaId::new(commune)));
    let area = Area { id: AreaId::new(id), level, name: name(id), parent };
    let polygon = polygon![(x: west, y: 22.0), (x: east, y: 22.0), (x: east, y: 22.5), (x: west, y: 22.5)];
    AreaShape::new(area, MultiPolygon::new(vec![polygon]), None).unwrap()
}

fn areas() -> Arc<Areas> {
    let compartments = [compartment("TK1", 103.5, 104.0, "001"), compartment("TK2", 104.0, 104.5, "002")];
    Arc::new(Areas::new([vec![area("001", 103.0), area("002", 104.0)], compartments.into()].concat()))
}

/// Stations with one channel each, every 60 s over wire.
fn catalogue(rows: &[Row]) -> Catalogue {
    let shapes = areas();
    let areas: Vec<Area> = shapes.shapes().iter().map(|shape| shape.area.clone()).collect();
    let stations = rows.iter().zip(0_u32..).map(|((world, kind, area), no)| Station {
        no: StationNo(no),
        id: StationId::new(&format!("S-{no}")),
        kind: StationKind::ALL[*kind],
        name: name(&format!("Trạm {no}")),
        position: world.position(),
        area: area.map(|place| areas[place].id.clone()),
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(no)],
    });
    let channels = rows.iter().zip(0_u32..).map(|((_, kind, _), no)| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new(PROPERTIES[*kind]),
        unit: Unit::One,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    });
    let (stations, channels) = (stations.collect(), channels.collect());
    Catalogue::new(vec!["edge".into()], areas, stations, channels).unwrap()
}

/// A state with entries, and everybody who looks at it.
struct Scene {
    state: RwLock<State>,
    feed: Feed,
    canvas: Canvas,
    areas: Arc<Areas>,
    seq: Seq,
    now: Timestamp,
}

impl Scene {
    fn of(rows: &[Row]) -> Scene {
        let mut scene = Scene {
            state: RwLock::new(State::new(Default::default())),
            feed: Feed::new(10_000, Seq(0)),
            canvas: Canvas::default(),
            areas: areas(),
            seq: Seq(0),
            now: NOW,
        };
        scene.enter(Body::Catalogue(Box::new(catalogue(rows))));
        let text = "[[rule]]\nname = 'high'\ntitle = { vi = 'Cao', en = 'High' }\nproperty = 'pm2_5'\n\
            levels = [{ severity = 'high', above = 50 }]\n";
        scene.enter(Body::Rules(vec![RuleFile { name: "rules.toml".into(), text: text.into() }]));
        scene
    }

    fn enter(&mut self, body: Body) {
        self.seq = self.seq.next();
        let entry = Entry { seq: self.seq, received_at: self.now, body };
        let mut effects = Effects::default();
        self.state.write().apply(&entry, &mut effects);
        effects.publish(&self.feed, entry.seq);
    }

    fn observe(&mut self, channel: u32, value: f64) {
        let sample = Sample {
            channel: ChannelId(channel),
            observed_at: self.now,
            value,
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        self.enter(Body::Message(Message {
            source: SourceId(0),
            received: 1,
            duplicates: 0,
            samples: vec![sample],
            raw: None,
            rejections: Vec::new(),
            unknown: Vec::new(),
            again: None,
        }));
    }

    fn picture(&self) -> Arc<Picture> {
        self.canvas.picture(&self.state, &self.feed, self.areas.clone(), self.now)
    }
}

/// Places that hurt: borders of tiles, the world's edges, many at one place.
fn world() -> impl Strategy<Value = World> {
    let free = (0..SIDE, 0..SIDE).prop_map(|(x, y)| World { x, y });
    let border = (0_u32..=8, any::<(u8, u8)>(), -1_i64..=1).prop_map(|(z, (x, y), off)| {
        let at = |tile: u8| {
            let tile = i64::from(u32::from(tile) & ((1 << z) - 1)) << (31 - z);
            (tile + off).clamp(0, i64::from(SIDE) - 1) as u32
        };
        World { x: at(x), y: at(y) }
    });
    let near = (0_u32..50_000, 0_u32..50_000).prop_map(|(x, y)| World { x: 1_690_000_000 + x, y: 936_000_000 + y });
    prop_oneof![free, border, near]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((world(), 0_usize..7, prop::option::of(0_usize..2)), 0..60)
}

/// Every tile of a zoom in which a place lies, and the empty ones beside it.
fn tiles_of(z: u8, places: &[World]) -> BTreeSet<(u32, u32)> {
    let last = (1_u32 << z) - 1;
    let around = |at: &World| {
        let tile = TileId::around(z, *at);
        [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(x, y)| ((tile.x() + x).min(last), (tile.y() + y).min(last)))
    };
    places.iter().flat_map(around).collect()
}

/// How many points a tile stands for, and which of them are there as themselves.
fn stands_for(layer: Layer, bytes: &[u8]) -> (u64, Vec<u64>) {
    let layers = decoder::read(bytes);
    let points = layers.get(layer.id()).cloned().unwrap_or_default();
    let clusters = layers.get(tile::CLUSTERS).cloned().unwrap_or_default();
    for feature in points.iter().chain(&clusters) {
        assert_eq!((feature.kind, feature.paths.len()), (1, 1));
        let [x, y] = feature.paths[0][0];
        assert!((0..4_096).contains(&x) && (0..4_096).contains(&y), "{x} {y}");
    }
    let many: u64 = clusters.iter().map(|cluster| cluster.whole("count") as u64).sum();
    assert!(clusters.iter().all(|cluster| cluster.whole("count") > 1));
    (many + points.len() as u64, points.iter().filter_map(|point| point.id).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn tiles_put_together_are_the_layer(rows in rows(), z in 0_u8..=14, kind in 0_usize..7, first_area in any::<bool>()) {
        let scene = Scene::of(&rows);
        let picture = scene.picture();
        let sight = match first_area {
            true => Sight::of(&picture, |area| area.as_str() == "001"),
            false => Sight::All,
        };
        for layer in [Layer::Stations, Layer::Kind(StationKind::ALL[kind])] {
            let is_shown = |row: &&Row| {
                layer.kind().is_none_or(|_| row.1 == kind) && (!first_area || row.2 == Some(0))
            };
            let expected = rows.iter().filter(is_shown).count() as u64;
            let places: Vec<World> = rows.iter().map(|row| row.0).collect();
            let (mut total, mut ids) = (0, Vec::new());
            for (x, y) in tiles_of(z, &places) {
                let tile = TileId::new(z, x, y).unwrap();
                let (count, own) = stands_for(layer, &tile::draw(&picture, layer, tile, &sight));
                total += count;
                ids.extend(own);
            }
            prop_assert_eq!(total, expected);
            let once: BTreeSet<u64> = ids.iter().copied().collect();
            prop_assert_eq!(once.len(), ids.len(), "a point is in one tile");
            if z >= layer.detail_zoom() {
                prop_assert_eq!(ids.len() as u64, expected, "every point is there as itself");
            }
        }
    }

    /// A rectangle cut in two: what is in it is in one of the halves, at every zoom.
    #[test]
    fn clusters_of_rectangles_add_up(rows in rows(), zoom in 0_u8..=22, cut in -180.0_f64..180.0) {
        let scene = Scene::of(&rows);
        let picture = scene.picture();
        let count = |is_here: &dyn Fn(Position) -> bool| {
            let mut total = 0;
            items(&picture, Layer::Stations, &Sight::All, Within::Where(is_here), (zoom, 1_000), |item: Item<'_>| {
                total += item.count();
            });
            total
        };
        let (west, east) = (count(&|at| at.lon < cut), count(&|at| at.lon >= cut));
        prop_assert_eq!(west + east, rows.len() as u32);
        prop_assert_eq!(count(&|_| true), rows.len() as u32);
    }

    /// Whatever came, and however the time passed between: the picture that was kept is the one that would be drawn anew;
    /// where its tag is the old one, the tile is the old one; and its freshness is that of this instant.
    #[test]
    fn what_is_kept_is_what_would_be_drawn_anew(
        rows in prop::collection::vec((world(), 0_usize..7, prop::option::of(0_usize..2)), 1..30),
        steps in prop::collection::vec((0_u64..200, 0_u32..40, 0.0_f64..100.0, 0_u8..10), 1..40),
    ) {
        let mut scene = Scene::of(&rows);
        let tiles: Vec<TileId> = rows.iter().map(|row| TileId::around(3, row.0)).collect();
        let layers = [Layer::Stations, Layer::Kind(StationKind::Air), Layer::Alerts, Layer::Roads, Layer::Areas];
        let mut before: BTreeMap<(usize, usize), (String, Vec<u8>)> = BTreeMap::new();
        for (seconds, channel, value, what) in steps {
            scene.now = scene.now + Duration::from_secs(seconds);
            match what {
                0 => scene.enter(Body::Tick),
                1 => {
                    let mut moved = rows.clone();
                    moved[channel as usize % rows.len()].2 = Some(1);
                    scene.enter(Body::Catalogue(Box::new(catalogue(&moved))));
                }
                _ => scene.observe(channel % rows.len() as u32, value),
            }
            let kept = scene.picture();
            let anew = Canvas::default().picture(&scene.state, &scene.feed, scene.areas.clone(), scene.now);
            prop_assert_eq!(kept.at, anew.at);
            prop_assert_eq!(&kept.alerts, &anew.alerts);
            let state = scene.state.read();
            for (one, other) in kept.stations().zip(anew.stations()) {
                prop_assert_eq!((one.pin, one.looks), (other.pin, other.looks));
                let fresh = state.live.station_freshness(&state.catalogue, one.station, scene.now);
                prop_assert_eq!(one.pin.freshness, fresh);
            }
            for division in [Division::Communes, Division::Compartments] {
                prop_assert_eq!(Tally::of_all(&kept, division).areas, Tally::of_all(&anew, division).areas);
            }
            for (place, tile) in tiles.iter().enumerate() {
                for (number, layer) in layers.iter().enumerate() {
                    let tag = tile::tag(&kept, *layer, *tile, &Sight::All);
                    let bytes = tile::draw(&kept, *layer, *tile, &Sight::All);
                    if let Some((old_tag, old)) = before.insert((place, number), (tag.clone(), bytes.clone())) {
                        prop_assert!(old_tag != tag || old == bytes, "{} lies", layer.id());
                    }
                }
            }
        }
    }

    /// Cut to the tiles of a zoom without their margins, a polygon is as large as before.
    #[test]
    fn a_cut_polygon_keeps_its_size(z in 6_u8..=11, west in 100.0_f64..110.0, lean in -0.5_f64..0.5) {
        let whole = MultiPolygon::new(vec![polygon![
            exterior: [(x: west, y: 20.0), (x: west + 1.0, y: 20.0), (x: west + 1.0 + lean, y: 21.0), (x: west, y: 21.0)],
            interiors: [[(x: west + 0.2, y: 20.2), (x: west + 0.2, y: 20.4), (x: west + 0.4, y: 20.4)]],
        ]]);
        let units = |shape: &mvt::Shape| match shape {
            mvt::Shape::Rings(rings) => rings.iter().map(|ring| clip::area2(ring)).sum::<i64>(),
            other => panic!("{other:?}"),
        };
        let world = TileId::new(0, 0, 0).unwrap();
        let coordinate = |at: geo::Coord<f64>| {
            let [x, y] = world.local_exact(mercator::project(Position { lon: at.x, lat: at.y }));
            geo::Coord { x, y }
        };
        use geo::MapCoords;
        let expected = whole.map_coords(coordinate).unsigned_area() * 4_f64.powi(i32::from(z)) * 2.0;
        let corner = |lon: f64, lat: f64| TileId::around(z, World::of(Position { lon, lat }));
        let (first, last) = (corner(west - 0.6, 21.1), corner(west + 1.6, 19.9));
        let mut found = 0;
        for x in first.x()..=last.x() {
            for y in first.y()..=last.y() {
                let tile = TileId::new(z, x, y).unwrap();
                found += clip::polygon(&whole, tile, clip::Frame::with_margin(0)).map_or(0, |shape| units(&shape));
            }
        }
        // Every corner was snapped to a unit.
        let apart = (found as f64 - expected).abs() / expected;
        prop_assert!(apart < 0.01, "{found} of {expected}");
    }
}

#[test]
fn a_tile_with_too_many_points_has_the_rest_in_clusters() {
    let corner = TileId::around(14, World { x: 1_690_000_000, y: 936_000_000 }).corner();
    let at = |no: u32| World { x: corner.x + (no % 80) * 900, y: corner.y + (no / 80) * 900 };
    let rows: Vec<Row> = (0..6_400).map(|no| (at(no), 1, None)).collect();
    let picture = Scene::of(&rows).picture();
    let tile = TileId::around(14, at(0));
    let shown = points(&picture, Layer::Stations, &Sight::All, Within::Tile(tile)).count();
    assert!(shown > tile::POINTS_MAX, "{shown}");
    let bytes = tile::draw(&picture, Layer::Stations, tile, &Sight::All);
    let (count, ids) = stands_for(Layer::Stations, &bytes);
    assert_eq!(count as usize, shown);
    assert!(ids.len() <= tile::POINTS_MAX && bytes.len() <= 2 * tile::BYTES_MAX, "{} bytes", bytes.len());
}

#[test]
fn levels_are_told_while_they_are_current() {
    let at = World { x: 1_690_000_000, y: 936_000_000 };
    let mut scene = Scene::of(&[(at, 0, None), (at, 3, None), (at, 1, None)]);
    scene.observe(0, 5.0);
    scene.observe(1, 2.0);
    let tile = TileId::around(12, at);
    let level = |scene: &Scene, layer: Layer| {
        let layers = decoder::read(&tile::draw(&scene.picture(), layer, tile, &Sight::All));
        let features = &layers[layer.id()];
        assert_eq!(features.len(), 1);
        (features[0].attributes.get("level").cloned(), features[0].attributes["freshness"].clone())
    };
    assert_eq!(level(&scene, Layer::Roads), (Some("5".into()), "live".into()));
    assert_eq!(level(&scene, Layer::Rivers), (Some("2".into()), "live".into()));
    scene.now = scene.now + Duration::from_secs(3_600);
    assert_eq!(level(&scene, Layer::Roads), (None, "silent".into()));
}

#[test]
fn a_stretch_of_road_runs_through_every_tile_that_it_crosses() {
    let at = World::of(Position { lon: 103.5, lat: 22.5 });
    let mut scene = Scene::of(&[(at, 0, None)]);
    let line = [(103.45, 22.5), (103.5, 22.5), (103.75, 22.5)].map(|(lon, lat)| Position { lon, lat });
    scene.canvas = Canvas::new(Arc::new([(StationId::new("S-0"), line.to_vec())].into()));
    scene.observe(0, 6.0);
    let picture = scene.picture();
    let crossed: BTreeSet<(u32, u32)> = (0..=300)
        .map(|part| Position { lon: 103.45 + f64::from(part) * 0.001, lat: 22.5 })
        .map(|at| TileId::around(11, World::of(at)))
        .map(|tile| (tile.x(), tile.y()))
        .collect();
    assert!(crossed.len() > 1);
    for (x, y) in crossed {
        let tile = TileId::new(11, x, y).unwrap();
        let layers = decoder::read(&tile::draw(&picture, Layer::Roads, tile, &Sight::All));
        let segment = &layers[tile::SEGMENTS][0];
        assert_eq!((segment.kind, segment.attributes["level"].as_str()), (2, "6"));
        let inside = |at: &[i32; 2]| at.iter().all(|unit| (-64..=4_160).contains(unit));
        assert!(segment.paths.iter().flatten().all(inside), "{:?}", segment.paths);
        let tag = tile::tag(&picture, Layer::Roads, tile, &Sight::All);
        scene.now = scene.now + Duration::from_secs(1);
        scene.observe(0, 5.0);
        assert_ne!(tile::tag(&scene.picture(), Layer::Roads, tile, &Sight::All), tag);
    }
    let far = TileId::around(11, World::of(Position { lon: 105.0, lat: 22.5 }));
    assert!(tile::draw(&picture, Layer::Roads, far, &Sight::All).is_empty());
}

#[test]
fn areas_have_what_their_stations_come_to() {
    let at = World::of(Position { lon: 103.5, lat: 22.5 });
    let mut scene = Scene::of(&[(at, 1, Some(0)), (at, 1, Some(0)), (at, 1, Some(0)), (at, 1, Some(1))]);
    scene.observe(0, 20.0);
    scene.observe(1, 60.0);
    let picture = scene.picture();
    let layers = decoder::read(&tile::draw(&picture, Layer::Areas, TileId::around(5, at), &Sight::All));
    let areas = &layers["areas"];
    let one = &areas.iter().find(|area| area.attributes["id"] == "001").unwrap().attributes;
    assert_eq!((one["pm2_5_mean"].as_str(), one["pm2_5_worst"].as_str()), ("40", "60"));
    assert_eq!((one["pm2_5_count"].as_str(), one["stations"].as_str(), one["severity"].as_str()), ("2", "3", "high"));
    assert!(one["pm2_5_completeness"].starts_with("0.6666"));
    assert_eq!(layers["labels"].len(), 2);
    let sight = Sight::of(&picture, |area| area.as_str() == "002");
    let seen = decoder::read(&tile::draw(&picture, Layer::Areas, TileId::around(5, at), &sight));
    assert_eq!(seen["areas"].len(), 1);
    let two = &seen["areas"][0].attributes;
    assert!(two["id"] == "002" && !two.contains_key("severity") && !two.contains_key("pm2_5_mean"), "{two:?}");
}

#[test]
fn compartments_have_what_the_stations_inside_come_to() {
    let at = |lon, lat| World::of(Position { lon, lat });
    // The last stands in the first compartment and is declared in the other commune.
    let rows = [(103.6, 22.2, 0), (103.7, 22.3, 0), (103.2, 22.2, 0), (104.2, 22.2, 1), (103.9, 22.2, 1)];
    let mut scene = Scene::of(&rows.map(|(lon, lat, area)| (at(lon, lat), 1, Some(area))));
    for (channel, value) in [(0, 20.0), (1, 60.0), (2, 300.0), (4, 10.0)] {
        scene.observe(channel, value);
    }
    let picture = scene.picture();
    let tile = TileId::around(5, at(103.6, 22.2));
    let drawn = |sight: &Sight| {
        let layers = decoder::read(&tile::draw(&picture, Layer::ForestCompartments, tile, sight));
        let mut rows: Vec<_> = layers["forest_compartments"].iter().map(|feature| feature.attributes.clone()).collect();
        rows.sort_by(|a, b| a["id"].cmp(&b["id"]));
        rows
    };
    let all = drawn(&Sight::All);
    let told = |row: &BTreeMap<String, String>| {
        ["id", "stations", "severity", "pm2_5_mean", "pm2_5_worst"].map(|key| row.get(key).cloned().unwrap_or_default())
    };
    assert_eq!(all.iter().map(told).collect::<Vec<_>>(), [["TK1", "3", "high", "30", "60"], ["TK2", "1", "", "", ""]]);
    // Whoever sees one commune sees its compartment, and of that what is theirs.
    let seen = drawn(&Sight::of(&picture, |area| area.as_str() == "001"));
    assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), [["TK1", "2", "high", "40", "60"]]);
    let communes = Choropleth::of(&picture, Division::Communes, &Sight::All);
    assert_eq!(communes.shapes().count(), 2);
}

#[test]
fn a_surface_is_drawn_where_stations_are_near_and_seen() {
    let near = |lon: f64| World::of(Position { lon, lat: 22.5 });
    let mut scene = Scene::of(&[(near(103.3), 1, Some(0)), (near(103.35), 1, Some(0)), (near(104.5), 1, Some(1))]);
    for (channel, value) in [(0, 10.0), (1, 60.0), (2, 200.0)] {
        scene.observe(channel, value);
    }
    let picture = scene.picture();
    let steps = |sight: &Sight| {
        let surface = surface::surface(&picture, Field::Pm25, sight);
        (surface.stations, surface.bands.iter().map(|band| band.step).collect::<Vec<_>>())
    };
    assert_eq!(steps(&Sight::All), (3, vec![0, 1, 2, 4]));
    assert_eq!(steps(&Sight::of(&picture, |area| area.as_str() == "001")), (2, vec![0, 1, 2]));
    let surface = surface::surface(&picture, Field::Pm25, &Sight::All);
    use geo::{Contains, Point};
    let is_covered =
        |lon: f64, lat: f64| surface.bands.iter().filter(|b| b.polygon.contains(&Point::new(lon, lat))).count();
    assert_eq!((is_covered(103.31, 22.51), is_covered(103.9, 22.5), is_covered(104.51, 22.49)), (1, 0, 1));
    // It stands for a while, and then it is reckoned anew.
    scene.observe(0, 60.0);
    assert_eq!(surface::surface(&scene.picture(), Field::Pm25, &Sight::All).at, NOW);
    scene.now = scene.now + surface::KEPT_FOR;
    assert_eq!(surface::surface(&scene.picture(), Field::Pm25, &Sight::All).at, scene.now);
}

#[test]
fn a_tile_with_more_points_than_are_wanted_has_few_clusters_that_add_up() {
    let tile = TileId::new(14, 12_900, 7_100).unwrap();
    let (first, _) = tile.run();
    let corner = World::from_morton(first);
    let side = 1_u32 << (crate::layers::mercator::BITS - 14);
    let rows: Vec<Row> = (0..400_u32)
        .map(|place| {
            let at = World { x: corner.x + side / 20 * (place % 20), y: corner.y + side / 20 * (place / 20) };
            (at, 0, None)
        })
        .collect();
    let picture = Scene::of(&rows).picture();
    let draw = |wish: Wish| decoder::read(&tile::draw_wished(&picture, Layer::Stations, tile, &Sight::All, &wish));
    let whole = draw(Wish::default());
    assert_eq!(whole["stations"].len(), 400);
    assert_eq!(draw(Wish::default().with_points(400))["stations"].len(), 400);
    let few = draw(Wish::default().with_points(399));
    let clusters = &few[tile::CLUSTERS];
    assert!(clusters.len() <= 64 && !few.contains_key("stations"), "{}", clusters.len());
    assert_eq!(clusters.iter().map(|cluster| cluster.whole("count")).sum::<i64>(), 400);
}
