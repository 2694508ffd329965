//! What maps are answered from: the picture of now, those of past moments, and tiles that were drawn already.
//!
//! Invariant: a kept tile is sent only under the tag that it was drawn with, to somebody with the same sight. Bounded:
//! [`KEPT_BYTES_MAX`] bytes of tiles (the longest unused go), [`DRAWING_AT_ONCE`] drawn at a time; who finds no place
//! waits in line.

use std::sync::Arc;

use axum::body::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Parts;
use super::boundaries::Present;
use super::choice::Choice;
use super::door::Allowed;
use super::gzip;
use super::past::{Past, Said};
use super::problem::Problem;
use super::sight::Sight;
use crate::layers::{self, Canvas, Layer, Picture, TileId, Wish, surface, tile};
use crate::model::Timestamp;

/// Bytes of tiles kept, compressed: some thousands.
const KEPT_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// What a kept tile costs beside its bytes.
const ENTRY_BYTES: usize = 160;
/// Half the time of the usual level for some per cent of the size.
const ZIP_LEVEL: i32 = 1;
/// Tiles drawn at a time: those who take in data keep their processors.
const DRAWING_AT_ONCE: usize = 2;

/// See the module.
pub struct Atlas {
    canvas: Canvas,
    past: Arc<Past>,
    drawing: Arc<Semaphore>,
    kept: Mutex<Kept>,
}

/// Layer, tile, the numbers of the sight and the wish, and the moment of one that is past.
type Key = (Layer, TileId, (u64, u64), Option<Timestamp>);

#[derive(Default)]
struct Kept {
    tiles: HashMap<Key, (String, Bytes, u64)>,
    bytes: usize,
    /// Counts uses: what was used longest ago has the least number.
    uses: u64,
}

impl Atlas {
    /// Over the parts of a service.
    pub fn new(parts: &Parts) -> Self {
        Self {
            canvas: Canvas::new(parts.registry.segments()),
            past: Past::new(parts.clock.now()),
            drawing: Arc::new(Semaphore::new(DRAWING_AT_ONCE)),
            kept: Mutex::default(),
        }
    }

    /// The picture for a layer, of a past moment, for which a turn to read the history is waited for, or of now; with that
    /// of a past one what the state said then.
    pub async fn picture(
        &self,
        parts: &Arc<Parts>,
        turns: &Arc<Semaphore>,
        layer: Layer,
        past: Option<Timestamp>,
    ) -> Result<(Arc<Picture>, Option<Arc<Said>>), Problem> {
        let now = || self.canvas.picture(&parts.state, &parts.feed, (parts.areas)(), parts.clock.now());
        match past {
            None => Ok((now(), None)),
            Some(at) => self.past.picture(parts, turns, layer, at).await.map(|(picture, said)| (picture, Some(said))),
        }
    }

    /// Reckons the surface that a layer is, unless it is kept or the layer is none: apart from what answers everybody, and
    /// in line, so that those who ask for it together wait for one.
    pub async fn prepare(&self, picture: &Arc<Picture>, layer: Layer, sight: &layers::Sight) -> Result<(), Problem> {
        let Layer::Surface(field) = layer else { return Ok(()) };
        if surface::is_kept(picture, field, sight) {
            return Ok(());
        }
        let (picture, sight) = (Arc::clone(picture), sight.clone());
        self.in_turn(move || drop(surface::surface(&picture, field, &sight))).await
    }

    /// Does what takes a while among those who draw, apart from what answers everybody.
    pub async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let turn = self.turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(Problem::internal)
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, Problem> {
        // Closed never: the semaphore lives as long as this.
        Arc::clone(&self.drawing).acquire_owned().await.map_err(Problem::internal)
    }

    /// A tile, compressed with gzip; empty when it shows nothing.
    pub async fn tile(
        &self,
        picture: Arc<Picture>,
        (layer, id, past): (Layer, TileId, Option<Timestamp>),
        (sight, wish): (layers::Sight, Wish),
        tag: &str,
    ) -> Result<Bytes, Problem> {
        let key = (layer, id, (sight.number(), wish.number()), past);
        if let Some(kept) = self.kept.lock().get(&key, tag) {
            metrics::counter!("http_tiles_total", "from" => "kept").increment(1);
            return Ok(kept);
        }
        let turn = self.turn().await?;
        if let Some(kept) = self.kept.lock().get(&key, tag) {
            return Ok(kept);
        }
        let drawn = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            gzip::zipped(&tile::draw_wished(&picture, layer, id, &sight, &wish), ZIP_LEVEL)
        });
        let drawn = Bytes::from(drawn.await.map_err(Problem::internal)?.map_err(Problem::internal)?);
        metrics::counter!("http_tiles_total", "from" => "drawn").increment(1);
        self.kept.lock().put(key, tag, &drawn);
        Ok(drawn)
    }
}

impl Kept {
    fn get(&mut self, key: &Key, tag: &str) -> Option<Bytes> {
        let (_, bytes, used) = self.tiles.get_mut(key).filter(|(own, ..)| own == tag)?;
        self.uses += 1;
        *used = self.uses;
        Some(bytes.clone())
    }

    fn put(&mut self, key: Key, tag: &str, bytes: &Bytes) {
        self.uses += 1;
        self.bytes += bytes.len() + ENTRY_BYTES;
        if let Some((_, before, _)) = self.tiles.insert(key, (tag.to_owned(), bytes.clone(), self.uses)) {
            self.bytes = self.bytes.saturating_sub(before.len() + ENTRY_BYTES);
        }
        if self.bytes > KEPT_BYTES_MAX {
            let mut uses: Vec<u64> = self.tiles.values().map(|(.., used)| *used).collect();
            uses.sort_unstable();
            // A quarter goes at once, so that this is seldom.
            let horizon = uses.get(uses.len() / 4).copied().unwrap_or(0);
            self.tiles.retain(|_, (.., used)| *used > horizon);
            self.bytes = self.tiles.values().map(|(_, bytes, _)| bytes.len() + ENTRY_BYTES).sum();
        }
    }
}

/// What a caller sees, by the picture's numbers of areas. Of a past moment by the areas of the present: a former one is in
/// sight when all that it became is.
pub fn seen<N>(door: &Allowed<N>, picture: &Picture, past: Option<Timestamp>) -> layers::Sight {
    let sight = door.sight(&picture.catalogue);
    match (sight, past) {
        (Sight::All, _) => layers::Sight::All,
        (Sight::Areas(_), Some(_)) => {
            let present = Present::of(door.parts());
            let sight = door.sight(&present.catalogue);
            layers::Sight::of(picture, |area| present.is_in_sight(area, &sight))
        }
        (sight, None) => layers::Sight::of(picture, |area| sight.reaches(Some(area))),
    }
}

/// What of it lies in the area that somebody chose.
pub fn chosen<N>(
    door: &Allowed<N>,
    picture: &Picture,
    past: Option<Timestamp>,
    choice: &Choice,
) -> Result<layers::Sight, Problem> {
    let present = past.map(|_| Present::of(door.parts()));
    choice.within(picture, seen(door, picture, past), present.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_tiles_give_way_and_a_tile_of_another_tag_is_none() {
        let mut kept = Kept::default();
        let key = |x: u32| (Layer::Stations, TileId::new(10, x, 0).unwrap(), (0, 0), None);
        let big = Bytes::from(vec![0; KEPT_BYTES_MAX / 10]);
        for x in 0..9 {
            kept.put(key(x), "a", &big);
        }
        assert!(kept.get(&key(0), "a").is_some());
        assert!(kept.get(&key(0), "b").is_none());
        kept.put(key(9), "a", &big);
        assert!(kept.bytes <= KEPT_BYTES_MAX);
        assert!(kept.get(&key(1), "a").is_none(), "used longest ago");
        assert!(kept.get(&key(0), "a").is_some() && kept.get(&key(9), "a").is_some());
        let before = kept.bytes;
        kept.put(key(9), "b", &Bytes::new());
        assert_eq!(kept.bytes, before - big.len());
    }
}
