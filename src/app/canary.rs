//! The canary: which way it takes, and how old the last one is that came through.
//!
//! It takes the way of the devices: the embedded edge over loopback TCP when that listens, otherwise the first outside
//! broker that Saola reads the native topics from. Its age is counted in the derived state, which is what the API
//! tells: so it covers connection, decoding, journal, disk and the following of the journal.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::api::Check;
use crate::clock::Clock;
use crate::model::Timestamp;
use crate::mqtt::canary::{self, Config, Key, Route, TOPIC};
use crate::mqtt::client;
use crate::mqtt::edge::{DeviceAccount, Edge};
use crate::state::State;
use crate::store::Store;

/// How often the age is measured anew.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// How the canary signs in at the edge: an account made anew at each start, known to this process alone.
pub struct Pass {
    /// The account, for the edge.
    pub account: DeviceAccount,
    password: String,
}

impl Pass {
    /// A new account that may publish the canary and nothing else. The password is 128 random bits, so its hash may be
    /// as cheap as the algorithm allows.
    pub fn random() -> Option<Pass> {
        let (name, password) =
            (format!("canary-{:08x}", rand::random::<u32>()), format!("{:032x}", rand::random::<u128>()));
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).ok()?;
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).ok()?);
        let password_hash = cheap.hash_password(password.as_bytes(), &salt).ok()?.to_string();
        let publish = vec![TOPIC.to_owned()];
        Some(Pass { account: DeviceAccount { name, password_hash, publish, subscribe: Vec::new() }, password })
    }
}

/// How old the last one is, and since when one could have come.
#[derive(Clone)]
pub(super) struct Watch {
    state: Arc<RwLock<State>>,
    store: Arc<Store>,
    since: Timestamp,
    max_age: Duration,
    way: Way,
}

/// Which way it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The embedded edge: its account is ours, so it comes through or something is wrong.
    Edge,
    /// An outside broker, which may not let it through: it says something only after one has come in this run.
    Broker,
}

impl Way {
    /// Whether devices' messages may be believed to come in.
    fn is_ready(self, has_come: Option<Timestamp>, age: Duration, max_age: Duration) -> bool {
        age <= max_age || (self == Way::Broker && has_come.is_none())
    }
}

impl Watch {
    fn age(&self, now: Timestamp) -> Duration {
        let last = self.state.read().canary.map(|canary| canary.sent_at);
        now.since(last.map_or(self.since, |last| last.max(self.since)))
    }

    /// How it stands.
    pub(super) fn check(&self, now: Timestamp) -> Check {
        let (age, canary) = (self.age(now), self.state.read().canary);
        let came = canary.filter(|canary| canary.sent_at >= self.since);
        let ready = self.way.is_ready(came.map(|canary| canary.sent_at), age, self.max_age);
        let millis = age.as_millis();
        let detail = match came {
            None => format!("none has come yet, {millis} ms after the start"),
            Some(canary) if self.store.applied() < canary.seq => {
                format!("the last one that came is {millis} ms old; the store has not followed to it")
            }
            Some(_) => format!("the last one that came is {millis} ms old"),
        };
        Check { part: "canary".to_owned(), ready, detail }
    }
}

/// Begins to send and to measure. `None` when there is no way for it: no edge, and no broker that the native topics
/// are read from.
pub(super) fn start(
    config: &Config,
    (key, pass): (Key, Option<&Pass>),
    edge: Option<&Edge>,
    clients: &[client::Config],
    watched: (Arc<RwLock<State>>, Arc<Store>),
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<Option<Watch>, client::ClientError> {
    if !config.enabled {
        return Ok(None);
    }
    let way = if edge.is_some() { Way::Edge } else { Way::Broker };
    let route = match edge {
        Some(edge) => {
            let (name, password) = pass.map_or(("canary", ""), |pass| (&pass.account.name, &pass.password));
            Some(Route::to_edge(reachable(edge.address()), name, password))
        }
        None => clients.iter().find_map(|client| Route::to_broker(client).transpose()).transpose()?,
    };
    let Some(route) = route else {
        tracing::info!(topic = TOPIC, "no broker is asked for the canary's topic, so none is sent");
        return Ok(None);
    };
    canary::start(route, config.every.duration(), key, clock.clone(), stop.clone());
    let (state, store) = watched;
    let watch = Watch { state, store, since: clock.now(), max_age: config.max_age.duration(), way };
    tokio::spawn(measure(watch.clone(), clock.clone(), stop.clone()));
    Ok(Some(watch))
}

/// An address that listens everywhere is reached over the loopback.
fn reachable(address: std::net::SocketAddr) -> std::net::SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    (ip, address.port()).into()
}

async fn measure(watch: Watch, clock: Clock, stop: CancellationToken) {
    let age = metrics::gauge!("canary_age_seconds");
    let mut interval = tokio::time::interval(MEASURE_EVERY);
    loop {
        tokio::select! {
            _ = interval.tick() => age.set(watch.age(clock.now()).as_secs_f64()),
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_an_outside_broker_it_decides_only_after_one_has_come() {
        let check = |way: Way, has_come: Option<i64>, age_s: u64, expected| {
            let has_come = has_come.map(Timestamp::from_seconds);
            let found = way.is_ready(has_come, Duration::from_secs(age_s), Duration::from_secs(30));
            assert_eq!(found, expected, "{way:?} {has_come:?} {age_s}");
        };
        check(Way::Edge, None, 30, true);
        check(Way::Edge, None, 31, false);
        check(Way::Broker, None, 86_400, true);
        check(Way::Broker, Some(1_795_230_900), 30, true);
        check(Way::Broker, Some(1_795_230_900), 31, false);
    }
}
