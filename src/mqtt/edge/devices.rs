//! Devices with credentials of their own: a secret each, and topics that follow from their stations.
//!
//! Who issues them hands the whole list over whenever it changes; whoever is not in it any more is cut off, and its
//! sessions are forgotten. A device of stations S1, S2, … may publish to `saola/v1/S1` and `saola/v1/S1/+`, and
//! subscribe to `saola/v1/S1/commands`, and so on, and to nothing else.
//!
//! A secret is made by Saola from more than 100 random bits, so its SHA-256 is what is kept: there is nothing to guess,
//! and 10,000 devices that come back at once cost nothing.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::access::{Account, Filter, Issue};
use crate::mqtt::topic;

/// A device as it is issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its MQTT user name.
    pub name: String,
    /// SHA-256 of its secret; tells one holder of the name from the next.
    pub secret_hash: [u8; 32],
    /// Identifiers of the stations that it speaks for.
    pub stations: Vec<String>,
}

/// The devices of now.
#[derive(Debug, Default)]
pub(super) struct Devices {
    by_name: HashMap<Box<str>, Known>,
}

#[derive(Debug)]
struct Known {
    account: Arc<Account>,
    secret_hash: [u8; 32],
}

impl Devices {
    pub fn new(devices: Vec<Device>) -> Devices {
        let known = |device: Device| {
            let stations = device.stations.iter().map(|station| format!("saola/v1/{station}"));
            // A station whose name cannot stand in a topic gives nothing: a wildcard in it would give too much.
            let stations: Vec<String> = stations.filter(|topic| topic::valid_topic(topic)).collect();
            let filters = |ends: &[&str]| {
                let each = stations.iter().flat_map(|station| ends.iter().map(move |end| format!("{station}{end}")));
                each.filter_map(|filter| Filter::new(&filter)).collect()
            };
            let name = device.name.into_boxed_str();
            let (publish, subscribe) = (filters(&["", "/+"]), filters(&["/commands"]));
            let account = Account { name: name.clone(), issue: Issue::Secret(device.secret_hash), publish, subscribe };
            (name, Known { account: Arc::new(account), secret_hash: device.secret_hash })
        };
        Devices { by_name: devices.into_iter().map(known).collect() }
    }

    pub fn named(&self, name: &str) -> Option<Arc<Account>> {
        self.by_name.get(name).map(|known| known.account.clone())
    }

    /// The account, when the secret is right.
    pub fn verify(&self, name: &str, secret: &[u8]) -> Option<Arc<Account>> {
        let known = self.by_name.get(name)?;
        let given: [u8; 32] = Sha256::digest(secret).into();
        // Every byte is looked at, so the time taken tells nothing of how many were right.
        let difference = known.secret_hash.iter().zip(given).fold(0, |sum, (kept, given)| sum | (kept ^ given));
        (difference == 0).then(|| known.account.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(stations: &[&str]) -> Devices {
        let stations = stations.iter().map(|station| (*station).to_owned()).collect();
        let secret_hash = Sha256::digest(b"secret").into();
        Devices::new(vec![Device { name: "logger-1".to_owned(), secret_hash, stations }])
    }

    #[test]
    fn topics_follow_from_the_stations() {
        let account = devices(&["đồi-1", "TR-2"]).named("logger-1").unwrap();
        for may in ["saola/v1/đồi-1", "saola/v1/TR-2", "saola/v1/TR-2/pm10"] {
            assert!(account.may_publish(may), "{may}");
        }
        for may_not in ["saola/v1/TR-3", "saola/v1/TR-2/a/b", "saola/v1", "x"] {
            assert!(!account.may_publish(may_not), "{may_not}");
        }
        assert!(account.may_subscribe("saola/v1/TR-2/commands"));
        assert!(!account.may_subscribe("saola/v1/+/commands") && !account.may_subscribe("saola/v1/alerts/#"));
    }

    #[test]
    fn a_station_s_name_never_widens_what_its_device_may() {
        for name in ["+", "#", "a/#", ""] {
            let account = devices(&[name]).named("logger-1").unwrap();
            assert!(!account.may_publish("saola/v1/TR-2"), "{name:?}");
            assert!(!account.may_subscribe("saola/v1/TR-2/commands"), "{name:?}");
        }
    }

    #[test]
    fn only_the_right_secret_opens() {
        let devices = devices(&["TR-2"]);
        assert!(devices.verify("logger-1", b"secret").is_some());
        assert!(devices.verify("logger-1", b"Secret").is_none() && devices.verify("logger-2", b"secret").is_none());
    }
}
