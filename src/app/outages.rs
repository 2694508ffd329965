//! Journals when the devices of a source could not be heard, because the link to every broker that they speak by was
//! down. A declared source that the embedded edge takes in, too, is heard as long as the process runs.
//!
//! A link that comes back within [`PATIENCE`] is not worth an entry. An outage that the journal still has open when
//! the service starts goes on, or ends when the link stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::{Body, Deaf, Outage, Refusal, SourceId, Timestamp};
use crate::mqtt::client::Client;
use crate::pipeline::Pipeline;

/// How often the links are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a link may be down before it is an outage.
const PATIENCE: Duration = Duration::from_secs(5);

/// A source that is heard by brokers alone.
pub(super) struct Heard {
    /// What its samples are counted by.
    pub(super) source: SourceId,
    /// Every link that brings them.
    pub(super) links: Vec<Arc<Client>>,
}

/// Whether any link of a source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    Up,
    Down,
}

/// What is known of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Heard,
    /// Down since then, and not said yet.
    Lost(Timestamp),
    /// Down since then, and journaled.
    Noted(Timestamp),
}

impl Standing {
    /// What follows from a look at the links, and what is to be journaled first.
    fn look(self, links: Links, now: Timestamp) -> (Standing, Option<(Timestamp, Option<Timestamp>)>) {
        match (self, links) {
            (Standing::Heard | Standing::Lost(_), Links::Up) => (Standing::Heard, None),
            (Standing::Heard, Links::Down) => (Standing::Lost(now), None),
            (Standing::Lost(since), Links::Down) if now.since(since) >= PATIENCE => {
                (Standing::Noted(since), Some((since, None)))
            }
            (Standing::Noted(since), Links::Up) => (Standing::Heard, Some((since, Some(now)))),
            (Standing::Lost(_) | Standing::Noted(_), Links::Down) => (self, None),
        }
    }
}

/// Looks until the service stops. `open` are the outages that the journal has open.
pub(super) async fn watch(
    pipeline: Arc<Pipeline>,
    heard: Vec<Heard>,
    open: Vec<(Deaf, Timestamp)>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut standings: BTreeMap<SourceId, Standing> = heard.iter().map(|h| (h.source, Standing::Heard)).collect();
    for (of, since) in open {
        let Deaf::Source(source) = of else { continue };
        // A source that is no longer configured stays in the table without links, and ends at the first look.
        standings.insert(source, Standing::Noted(since));
    }
    let mut interval = tokio::time::interval(LOOK_EVERY);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            () = stop.cancelled() => return,
        }
        let now = clock.now();
        for (source, standing) in &mut standings {
            let links = heard.iter().find(|heard| heard.source == *source).map(|heard| &heard.links);
            let is_heard = links.is_none_or(|links| links.iter().any(|link| link.status().connected));
            let links = if is_heard { Links::Up } else { Links::Down };
            let (next, note) = standing.look(links, now);
            if let Some((from, to)) = note {
                let outage = Outage { of: Deaf::Source(*source), from, to };
                match pipeline.note(now, &Body::Outage(outage)) {
                    Ok(_) => {}
                    // Said at the next look.
                    Err(Refusal::Full) => continue,
                    Err(Refusal::Stopped) => return,
                }
            }
            *standing = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_outage_when_it_stays_down_and_until_it_stands() {
        let at = Timestamp::from_seconds;
        let mut standing = Standing::Heard;
        let mut noted = Vec::new();
        for (seconds, is_up) in
            [(0, true), (1, false), (3, true), (4, false), (8, false), (9, false), (20, false), (30, true)]
        {
            let (next, note) = standing.look(if is_up { Links::Up } else { Links::Down }, at(seconds));
            noted.extend(note);
            standing = next;
        }
        assert_eq!(noted, [(at(4), None), (at(4), Some(at(30)))]);
        assert_eq!(Standing::Noted(at(4)).look(Links::Down, at(99)), (Standing::Noted(at(4)), None), "said once");
    }
}
