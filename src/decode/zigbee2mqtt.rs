//! zigbee2mqtt: `zigbee2mqtt/{name}` with a flat JSON object; a name may hold slashes.
//!
//! ```text
//! {"temperature": 27.34, "humidity": 44.72, "occupancy": true}
//! ```
//! There is neither a time nor a unit in it (`last_seen`, where it is switched on, is the radio's, not the value's).
//! Topics that are not of a device's state are passed over: `bridge/...`, `.../availability`, `.../set`, `.../get`.
//! `occupancy` is somebody's presence, not the occupancy of a road: the mapping says which property it is.

use super::layout::Layout;
use super::observed::Heard;
use super::{Limits, json};
use crate::model::Rejection;

/// Reads one message of the device that the topic names into `out`; nothing when the topic is of something else. On
/// an error nothing of the message is there.
pub fn decode<'a>(
    layout: &'a Layout,
    device: &'a str,
    payload: &'a [u8],
    limits: &Limits,
    out: &mut Heard<'a>,
) -> Result<(), Rejection> {
    if is_state(device) { json::decode(layout, payload, limits, out) } else { Ok(()) }
}

/// Whether what follows the base topic is a device's name.
fn is_state(device: &str) -> bool {
    let is_of_the_bridge = device == "bridge" || device.starts_with("bridge/");
    let is_request = match device.rsplit_once('/') {
        Some((_, "availability" | "set" | "get")) => true,
        // The name of one value may follow a request.
        Some((before, _)) => matches!(before.rsplit_once('/'), Some((_, "set" | "get"))),
        None => false,
    };
    !is_of_the_bridge && !is_request
}

#[cfg(test)]
mod tests;
