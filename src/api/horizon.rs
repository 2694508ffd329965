//! From when on maps can be shown: samples are deleted for their age, and what is left would look like silence.
//!
//! How fresh a channel was at a moment is said by the newest sample before it: so a layer begins not where its stations'
//! samples do, but as much later as the slowest of its channels takes to be silent. Each kind of station has its own age.

use std::time::Duration;

use hashbrown::HashMap;

use super::problem::Problem;
use super::time::Zone;
use crate::layers::Layer;
use crate::model::{Catalogue, Channel, ChannelId, Freshness, Listening, Property, StationKind, Timestamp, fresh_for};
use crate::store::Store;

/// Sleep makes a channel silent later, by when its last sample came: never by more than this.
const SLEEP_MAX: Duration = Duration::from_secs(86_400);

/// How far back channels are looked at to tell how fresh they were: by kind and property one of them, and the longest.
#[derive(Debug, Default, PartialEq)]
pub struct Reach(HashMap<(StationKind, Property), (ChannelId, Duration)>);

impl Reach {
    /// Of the channels of a catalogue at a moment; `interval` is the longest that each may have been declared with.
    pub fn of(
        catalogue: &Catalogue,
        listening: &Listening,
        at: Timestamp,
        interval: &dyn Fn(&Channel) -> Duration,
    ) -> Reach {
        let mut reach = Reach::default();
        for channel in catalogue.channels() {
            let Some(station) = catalogue.station(channel.station) else { continue };
            let slowest = Channel { interval: interval(channel), ..channel.clone() };
            let lasts = fresh_for(&slowest, Freshness::Stale).unwrap_or_default();
            let awake = listening.due_awake(&slowest, at, lasts).since(at);
            let lasts = if awake > lasts { awake.saturating_add(SLEEP_MAX) } else { lasts };
            let key = (station.kind, channel.property.clone());
            let longest = reach.0.entry(key).or_insert((channel.id, lasts));
            longest.1 = longest.1.max(lasts);
        }
        reach
    }

    /// The first moment of which a layer can tell how fresh every channel was; `None`: from the beginning.
    pub fn begin_of(&self, store: &Store, layer: Layer) -> Option<Timestamp> {
        self.begin(layer, &|channel| store.kept_since(channel).samples)
    }

    /// Refuses a moment before that.
    pub fn check(&self, store: &Store, layer: Layer, at: Timestamp) -> Result<(), Problem> {
        match self.begin_of(store, layer).filter(|begin| at < *begin) {
            None => Ok(()),
            Some(begin) => {
                let begin = Zone::default().show(begin).to_string();
                let why = format!(
                    "samples of that time were deleted for their age: the layer {} can be shown from {begin} on",
                    layer.id()
                );
                Err(Problem::parameter("at", why))
            }
        }
    }

    fn begin(&self, layer: Layer, kept_since: &dyn Fn(ChannelId) -> Option<Timestamp>) -> Option<Timestamp> {
        let mut longest: HashMap<StationKind, (ChannelId, Duration)> = HashMap::new();
        for ((kind, property), (channel, lasts)) in &self.0 {
            let is_shown = match layer {
                // By time-lines, which have an age of their own.
                Layer::Alerts | Layer::Incidents => false,
                Layer::Surface(field) => property.as_str() == field.property(),
                _ => layer.kind().is_none_or(|own| own == *kind),
            };
            if is_shown {
                let of_kind = longest.entry(*kind).or_insert((*channel, *lasts));
                of_kind.1 = of_kind.1.max(*lasts);
            }
        }
        longest.values().filter_map(|(channel, lasts)| Some(kept_since(*channel)? + *lasts)).max()
    }
}
