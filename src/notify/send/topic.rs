//! Topics of the embedded edge: every notification, not only what is open now.
//!
//! Publishing never waits, and there is nobody who could refuse: whoever has subscribed gets it or, being away with a
//! session, finds it later.

use super::{Outcome, Publish, Worded, payload};
use crate::notify::config::Topic;
use crate::notify::outbox::{Certainty, Errand};

/// Where a digest of several areas goes.
const SEVERAL: &str = "several";
/// Where what has no area goes.
const NOWHERE: &str = "none";

pub(super) fn send(publish: Option<&Publish>, topic: &Topic, errand: &Errand, worded: &Worded) -> Outcome {
    let Some(publish) = publish else {
        return Outcome::again("the embedded edge does not run", Certainty::Refused);
    };
    match publish(&named(topic, errand), payload::document(errand, worded)) {
        Ok(()) => Outcome::Sent,
        Err(why) => Outcome::refused(why),
    }
}

fn named(topic: &Topic, errand: &Errand) -> String {
    let mut areas = errand.members.iter().map(|(_, member)| member.facts.area.as_ref());
    let first = areas.next().flatten();
    let area = match first {
        first if areas.any(|area| area != first) => SEVERAL,
        Some(area) => area.as_str(),
        None => NOWHERE,
    };
    let severity = errand.members.iter().map(|(_, member)| member.facts.severity).max();
    topic.topic.replace("{area}", area).replace("{severity}", severity.map_or("low", |severity| severity.word()))
}
