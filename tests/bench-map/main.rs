//! `make bench-map`: tiles of 100,000 stations while 200 values a second arrive, beside PostGIS `ST_AsMVT` in the same run.
//!
//! Both have the same stations, clusters of the same grid below the detail zoom, and the same tiles to draw, one after
//! another: half of the tiles are around stations chosen at random, so that crowded places count as often as they are
//! looked at. What is timed is a tile from the question to its bytes: here the picture of now, the tag and the drawing, and
//! then the compression, too; there the statement through a socket of the same machine, which does not compress. So the
//! first ratio is of the same work, and the second one counts against Saola what PostGIS leaves to others. Nothing is taken
//! from a cache of tiles. HTTP is on neither side.
//!
//! `-- --million`: the memory of 1,000,000 stations, and tiles of them; PostGIS is not asked. `-- --stations N`: of
//! another number of stations. `-- --past`: pictures of past moments (`past.rs`).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that cannot go on says so")]

mod past;
mod postgis;
#[path = "../it/wait.rs"]
#[allow(dead_code, reason = "not everything that waits is in this bench")]
mod wait;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use libdeflater::{CompressionLvl, Compressor};
use parking_lot::{Mutex, RwLock};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use saola::clock::Clock;
use saola::layers::{Canvas, Layer, Sight, TileId, mercator::World, tile};
use saola::live::Feed;
use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range,
    Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass, Unit,
};
use saola::registry::Areas;
use saola::state::{Effects, State};

/// Zooms that are measured.
const ZOOMS: std::ops::RangeInclusive<u8> = 5..=14;
/// Tiles of each zoom.
const TILES: usize = 100;
/// Values that arrive meanwhile, a second.
const UPDATES_PER_S: u64 = 200;
const SEED: u64 = 1_968;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u32>().ok()
    };
    if arguments.iter().any(|argument| argument == "--past") {
        return past::measure();
    }
    let is_million = arguments.iter().any(|argument| argument == "--million");
    let count = if is_million { 1_000_000 } else { number("--stations").unwrap_or(100_000) };
    let stations = stations(count);
    let before = resident_mib();
    let scene = Arc::new(Scene::of(&stations));
    let begun = Instant::now();
    scene.picture();
    println!(
        "{count} stations, one channel each; the first picture took {:.0} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    println!("memory of state and picture: {:.0} MiB ({:.0} MiB in all)", resident_mib() - before, resident_mib());
    let tiles = tiles(&stations);
    let own =
        scene.while_values_arrive(|| ZOOMS.map(|z| own_times(&scene, &tiles[usize::from(z - 5)])).collect::<Vec<_>>());
    let theirs = (!is_million).then(|| postgis::times(&stations, &tiles));
    println!("                 drawn            zipped           304        gzip kB         PostGIS      ratio p99");
    println!("zoom  tiles  p50 ms  p99 ms   p50 ms  p99 ms   p99 us     p50    max   p50 ms  p99 ms   drawn zipped");
    for (place, (z, own)) in ZOOMS.zip(&own).enumerate() {
        let milliseconds = |times: &[f64]| [0.5, 0.99].map(|part| percentile(times, part) * 1e3);
        let ([drawn_p50, drawn], [zipped_p50, zipped]) = (milliseconds(&own.drawn), milliseconds(&own.zipped));
        let unchanged = percentile(&own.unchanged, 0.99) * 1e6;
        let [middle, most] = [0.5, 1.0].map(|part| percentile(&own.bytes, part) / 1e3);
        print!("{z:>4} {:>6} {drawn_p50:>7.2} {drawn:>7.2} {zipped_p50:>8.2} {zipped:>7.2}", own.drawn.len());
        print!(" {unchanged:>8.1} {middle:>7.1} {most:>6.1}");
        match theirs.as_ref().map(|theirs| milliseconds(&theirs[place])) {
            Some([p50, p99]) => println!(" {p50:>8.2} {p99:>7.2} {:>6.1}x {:>5.1}x", p99 / drawn, p99 / zipped),
            None => println!(),
        }
    }
    println!("memory at the end: {:.0} MiB", resident_mib());
}

/// A station of the bench.
pub struct Row {
    /// Where it stands.
    pub position: Position,
    /// What it is for.
    pub kind: StationKind,
}

/// In Lai Châu's box: a third of them in ten towns.
fn stations(count: u32) -> Vec<Row> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut anywhere = move || (102.3 + 1.6 * random.random::<f64>(), 21.7 + 1.1 * random.random::<f64>());
    let towns: Vec<(f64, f64)> = (0..10).map(|_| anywhere()).collect();
    let row = |no: u32| {
        let (lon, lat) = anywhere();
        let town = towns[no as usize % towns.len()];
        let position = match no % 3 {
            0 => Position { lon: town.0 + (lon - 103.1) / 40.0, lat: town.1 + (lat - 22.25) / 40.0 },
            _ => Position { lon, lat },
        };
        Row { position, kind: StationKind::ALL[no as usize % 7] }
    };
    (0..count).map(row).collect()
}

fn tiles(stations: &[Row]) -> Vec<Vec<TileId>> {
    let mut random = StdRng::seed_from_u64(SEED + 1);
    let mut tile = |z: u8, half: usize| {
        let at = stations[random.random_range(0..stations.len())].position;
        // The others are anywhere near.
        let off = if half == 0 { 0.0 } else { 0.2 * (random.random::<f64>() - 0.5) };
        TileId::around(z, World::of(Position { lon: at.lon + off, lat: at.lat + off }))
    };
    ZOOMS.map(|z| (0..TILES).map(|place| tile(z, place % 2)).collect()).collect()
}

fn catalogue(stations: &[Row]) -> Catalogue {
    let station = |(row, no): (&Row, u32)| Station {
        no: StationNo(no),
        id: StationId::new(&format!("ST-{no:06}")),
        kind: row.kind,
        name: LocalName { vi: format!("Trạm quan trắc {no}"), en: format!("Station {no}") },
        position: row.position,
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(no)],
    };
    let property = Property::new("pm2_5");
    let channel = |no: u32| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: property.clone(),
        unit: Unit::One,
        interval: Duration::from_secs(600),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Cellular,
        retired: false,
    };
    let count = stations.len() as u32;
    let stations = stations.iter().zip(0..).map(station).collect();
    Catalogue::new(vec!["bench".into()], Vec::new(), stations, (0..count).map(channel).collect()).unwrap()
}

/// The state, and what is drawn of it.
struct Scene {
    state: RwLock<State>,
    feed: Feed,
    canvas: Canvas,
    areas: Arc<Areas>,
    seq: Mutex<Seq>,
    count: u32,
}

impl Scene {
    fn of(stations: &[Row]) -> Scene {
        let scene = Scene {
            state: RwLock::new(State::new(saola::alerts::Retention::default())),
            feed: Feed::new(saola::live::feed::DEFAULT_CAPACITY, Seq(0)),
            canvas: Canvas::default(),
            areas: Arc::default(),
            seq: Mutex::default(),
            count: stations.len() as u32,
        };
        scene.enter(Body::Catalogue(Box::new(catalogue(stations))));
        for first in (0..scene.count).step_by(1_000) {
            scene.observe(first..(first + 1_000).min(scene.count));
        }
        scene
    }

    fn enter(&self, body: Body) {
        let mut seq = self.seq.lock();
        *seq = seq.next();
        let entry = Entry { seq: *seq, received_at: Clock::System.now(), body };
        let mut effects = Effects::default();
        self.state.write().apply(&entry, &mut effects);
        effects.publish(&self.feed, entry.seq);
    }

    fn observe(&self, channels: impl Iterator<Item = u32>) {
        let observed_at = Clock::System.now();
        let sample = |no: u32| Sample {
            channel: ChannelId(no),
            observed_at,
            value: f64::from(no % 100),
            quality: Quality::GOOD,
            time_class: TimeClass::Live,
        };
        let samples: Vec<Sample> = channels.map(sample).collect();
        self.enter(Body::Message(Message {
            source: SourceId(0),
            received: samples.len() as u32,
            duplicates: 0,
            samples,
            raw: None,
            rejections: Vec::new(),
            unknown: Vec::new(),
            again: None,
        }));
    }

    fn picture(&self) -> Arc<saola::layers::Picture> {
        self.canvas.picture(&self.state, &self.feed, self.areas.clone(), Clock::System.now())
    }

    fn while_values_arrive<T>(self: &Arc<Self>, measure: impl FnOnce() -> T) -> T {
        let stop = Arc::new(AtomicBool::new(false));
        let (scene, stopped) = (Arc::clone(self), Arc::clone(&stop));
        let arriving = std::thread::spawn(move || {
            let mut random = StdRng::seed_from_u64(SEED + 2);
            let (begun, mut sent) = (Instant::now(), 0_u64);
            while !stopped.load(Ordering::Relaxed) {
                while sent < begun.elapsed().as_millis() as u64 * UPDATES_PER_S / 1_000 {
                    scene.observe(std::iter::once(random.random_range(0..scene.count)));
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let measured = measure();
        stop.store(true, Ordering::Relaxed);
        arriving.join().unwrap();
        measured
    }
}

/// Seconds, and bytes.
struct Times {
    drawn: Vec<f64>,
    zipped: Vec<f64>,
    unchanged: Vec<f64>,
    bytes: Vec<f64>,
}

fn own_times(scene: &Scene, tiles: &[TileId]) -> Times {
    let mut times = Times { drawn: Vec::new(), zipped: Vec::new(), unchanged: Vec::new(), bytes: Vec::new() };
    let mut compressor = Compressor::new(CompressionLvl::new(1).unwrap());
    for tile in tiles {
        let begun = Instant::now();
        let picture = scene.picture();
        let tag = tile::tag(&picture, Layer::Stations, *tile, &Sight::All);
        let bytes = tile::draw(&picture, Layer::Stations, *tile, &Sight::All);
        times.drawn.push(begun.elapsed().as_secs_f64());
        let mut zipped = vec![0; compressor.gzip_compress_bound(bytes.len())];
        let length = compressor.gzip_compress(&bytes, &mut zipped).unwrap();
        times.zipped.push(begun.elapsed().as_secs_f64());
        times.bytes.push(length as f64);
        drop(picture);
        let begun = Instant::now();
        let again = tile::tag(&scene.picture(), Layer::Stations, *tile, &Sight::All);
        let is_known = std::hint::black_box(again == tag);
        times.unchanged.push(begun.elapsed().as_secs_f64());
        std::hint::black_box(is_known);
    }
    times
}

/// The value that a part of all does not exceed.
fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len());
    sorted[place - 1]
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_024.0
}
