//! Finding stations in a picture, and the orders in which they are listed.

use std::cmp::Reverse;

use super::query::Bbox;
use super::search::fold;
use crate::layers::{Picture, Pin, Sight, Wish};
use crate::model::{Freshness, Severity, Station, StationNo, Timestamp};

/// In which order stations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were registered.
    Registered,
    /// Who needs somebody's attention most comes first.
    Need,
    /// Who was not heard for longest comes first.
    Silence,
}

impl Order {
    /// Every one.
    pub const ALL: [Order; 3] = [Order::Registered, Order::Need, Order::Silence];

    /// The word used in queries.
    pub fn word(self) -> &'static str {
        match self {
            Order::Registered => "registered",
            Order::Need => "need",
            Order::Silence => "silence",
        }
    }

    /// Least first; stations that are alike stand in the order of registration.
    fn key(self, pin: &Pin) -> Key {
        let (need, heard_at) = match self {
            Order::Registered => (None, None),
            Order::Need => (Some((Reverse(pin.severity), rest_of(pin.freshness))), None),
            Order::Silence => (None, pin.heard_at),
        };
        (need, heard_at, pin.station)
    }
}

type Key = (Option<(Reverse<Option<Severity>>, u8)>, Option<Timestamp>, StationNo);

/// How long it can wait: the silent least, and what is under maintenance longest, because somebody is there.
fn rest_of(freshness: Freshness) -> u8 {
    match freshness {
        Freshness::Silent => 0,
        Freshness::Stale => 1,
        Freshness::Late => 2,
        Freshness::Live => 3,
        Freshness::Maintenance => 4,
    }
}

/// What is looked for.
pub struct Search {
    /// Where.
    pub sight: Sight,
    /// Which.
    pub wish: Wish,
    /// Only inside it.
    pub bbox: Option<Bbox>,
    /// Only with each of these words, which spaces part, in the identifier, the names or the commune's names.
    pub words: Option<String>,
}

/// What was found.
pub struct Found {
    /// A page of it.
    pub page: Vec<StationNo>,
    /// Whether there is more behind the page.
    pub has_more: bool,
    /// How many there are in all.
    pub total: usize,
}

impl Search {
    /// The stations after `from`, at most `limit`.
    pub fn find(&self, picture: &Picture, order: Order, (from, limit): (Option<StationNo>, usize)) -> Found {
        let words: Vec<String> = self.words.iter().flat_map(|text| text.split_whitespace()).map(fold).collect();
        let areas: Vec<String> = match words.is_empty() {
            true => Vec::new(),
            false => picture
                .catalogue
                .areas()
                .iter()
                .map(|area| fold(&format!("{} {}", area.name.vi, area.name.en)))
                .collect(),
        };
        let is_named = |station: &Station, area: u32| {
            let own = [station.id.as_str(), &station.name.vi, &station.name.en].map(fold);
            let area = areas.get(area as usize).map_or("", String::as_str);
            words.iter().all(|word| own.iter().any(|text| text.contains(word)) || area.contains(word))
        };
        let mut keys: Vec<Key> = picture
            .pins(0..picture.len())
            .map(|(_, _, pin)| pin)
            .filter(|pin| self.sight.reaches(pin.area) && self.wish.admits(pin))
            .filter(|pin| self.bbox.is_none_or(|bbox| bbox.contains(pin.position)))
            .filter(|pin| {
                let station = picture.catalogue.station(pin.station);
                words.is_empty() || station.is_some_and(|station| is_named(station, pin.area))
            })
            .map(|pin| order.key(pin))
            .collect();
        let total = keys.len();
        keys.retain(|(.., no)| from.is_none_or(|from| *no > from));
        let has_more = keys.len() > limit;
        if has_more {
            // Only the page is sorted: a list of a few out of a hundred thousand is asked for every few seconds.
            keys.select_nth_unstable(limit);
            keys.truncate(limit);
        }
        keys.sort_unstable();
        Found { page: keys.into_iter().map(|(.., no)| no).collect(), has_more, total }
    }
}
