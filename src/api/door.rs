//! The door: who asks, whether they may, and which areas they may be told of.
//!
//! Invariants: a handler reaches the service's parts only through [`Allowed`] (which names a permission) or [`Anyone`]
//! (which says that it is public), because the router's state keeps them to itself. What comes by itself with a
//! browser's request (the session cookie, the demo's loopback) changes something only when the request comes from a
//! page of this very origin. In the demo, callers without a token are let in from the loopback alone, and only when
//! the `Host` they name is a loopback's: a page elsewhere cannot rebind its name to us.
//! The decision itself is `auth`'s.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, Method};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::atlas::Atlas;
use super::pages::Kept;
use super::past::Said;
use super::problem::{Code, Problem};
use super::readers::{Readers, Seat};
use super::sight::Sight;
use super::{Config, Parts};
use crate::auth::{self, Caller, Permission, Role, Scope};
use crate::layers::{Layer, Picture};
use crate::model::{Catalogue, Timestamp};

/// The cookie of a signed-in page.
pub const SESSION_COOKIE: &str = "saola_session";

/// Pieces of history read at a time. Each takes about a millisecond, so that a line of hundreds moves on quickly.
const READS_AT_ONCE: usize = 4;

/// Trials of rules at a time: each takes a processor for seconds.
const TRIALS_AT_ONCE: usize = 1;

/// Queries in Prometheus's language at a time: each may hold tens of megabytes and a processor for a second.
const QUERIES_AT_ONCE: usize = 2;

/// The router's state. Its parts are private to this module.
#[derive(Clone)]
pub struct House {
    parts: Arc<Parts>,
    readers: Arc<Readers>,
    /// For reading the history: who finds none waits in line, and those who take in data keep theirs.
    turns: Arc<Semaphore>,
    trials: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    atlas: Arc<Atlas>,
    pages: Arc<Kept>,
}

impl House {
    /// Around the parts.
    pub fn new(parts: Arc<Parts>) -> Self {
        let readers = Arc::new(Readers::new(parts.config.streams_max, parts.config.streams_per_address_max));
        let turns = Arc::new(Semaphore::new(READS_AT_ONCE));
        let [trials, queries] = [TRIALS_AT_ONCE, QUERIES_AT_ONCE].map(|count| Arc::new(Semaphore::new(count)));
        let atlas = Arc::new(Atlas::new(&parts));
        Self { parts, readers, turns, trials, queries, atlas, pages: Arc::default() }
    }

    /// Files of the pages that were compressed.
    pub fn pages(&self) -> &Kept {
        &self.pages
    }

    /// The limits of requests.
    pub fn limits(&self) -> &Config {
        &self.parts.config
    }
}

/// Whether callers without a token are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// Never.
    Off,
    /// From the loopback.
    Loopback,
}

/// What a route needs.
pub trait Need: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Option<Permission>;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $permission:expr;)*) => {
        $($(#[$doc])* pub struct $name;
        impl Need for $name {
            const PERMISSION: Option<Permission> = $permission;
        })*
    };
}

needs! {
    /// Nothing but being known.
    BeKnown = None;
    /// Stations, layers, the stream.
    SeeMap = Some(Permission::ReadMap);
    /// Samples of the past.
    SeeHistory = Some(Permission::ReadHistory);
    /// Alerts.
    SeeAlerts = Some(Permission::ReadAlerts);
    /// What came in and what became of it.
    SeeLedger = Some(Permission::ReadLedger);
    /// Messages that were refused, whole.
    SeeDeadLetters = Some(Permission::ReadDeadLetters);
    /// Handing messages in again.
    Replay = Some(Permission::ReplayDeadLetters);
    /// Telling stations' devices something.
    SendCommands = Some(Permission::SendCommands);
    /// Who did what.
    SeeAudit = Some(Permission::ReadAudit);
    /// Accounts, devices, rules.
    Administer = Some(Permission::Administer);
    /// Stations, channels and places.
    EditStations = Some(Permission::EditStations);
    /// Unknown devices, and making stations of them.
    Adopt = Some(Permission::Administer);
    /// The service's own measures.
    SeeMetrics = Some(Permission::ReadMetrics);
    /// Saying when people work at a station.
    MaintainStations = Some(Permission::MaintainStations);
    /// Acknowledging and assigning alerts, and saying something about them.
    AnswerAlerts = Some(Permission::AnswerAlerts);
    /// Shelving and closing alerts.
    SettleAlerts = Some(Permission::SettleAlerts);
    /// Saying who is on duty when.
    EditRoster = Some(Permission::EditRoster);
    /// Correcting samples of the past.
    CorrectHistory = Some(Permission::CorrectHistory);
}

/// How the caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By a token that the request names.
    Bearer(String),
    /// By the cookie, which comes by itself.
    Cookie(String),
    /// By the demo, for who asks from the loopback.
    Demo,
}

/// A caller whom the route's permission has let in.
pub struct Allowed<N> {
    house: House,
    address: IpAddr,
    caller: Caller,
    credential: Credential,
    need: PhantomData<N>,
}

impl<N> Allowed<N> {
    /// The service.
    pub fn parts(&self) -> &Arc<Parts> {
        &self.house.parts
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How they are known.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Where they ask from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What they may be told of.
    pub fn sight(&self, catalogue: &Catalogue) -> Sight {
        Sight::of(&self.caller.scope, catalogue)
    }

    /// A seat among the stream's readers; `None` when all are taken.
    pub fn take_seat(&self) -> Option<Seat> {
        self.house.readers.take(self.address)
    }

    /// The line in which pieces of history are read.
    pub fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.house.turns)
    }

    /// The line in which queries of whole series are answered.
    pub fn query_turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.house.queries)
    }

    /// Leave to try rules on history; `None` while others do.
    pub fn take_trial(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.house.trials).try_acquire_owned().ok()
    }

    /// What maps are answered from.
    pub fn atlas(&self) -> &Atlas {
        &self.house.atlas
    }

    /// The picture for a layer, of a past moment or of now; with that of a past one what the state said then.
    pub async fn picture(
        &self,
        layer: Layer,
        past: Option<Timestamp>,
    ) -> Result<(Arc<Picture>, Option<Arc<Said>>), Problem> {
        let house = &self.house;
        house.atlas.picture(&house.parts, &house.turns, layer, past).await
    }

    /// For answers that outlast the request.
    pub fn into_pass(self) -> Pass {
        Pass { parts: self.house.parts, caller: self.caller, credential: self.credential }
    }
}

impl<N: Need> FromRequestParts<House> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, house: &House) -> Result<Self, Problem> {
        let (parts, peer) = (&house.parts, peer(head));
        let (caller, credential) = identify(parts, head, peer).await?;
        if changes(&head.method) && credential_comes_by_itself(&credential) {
            check_same_origin(&head.headers, &credential)?;
        }
        if let Some(permission) = N::PERMISSION
            && !auth::may(&caller, permission)
        {
            return Err(refuse(parts, caller, permission, head.uri.path(), peer.ip()).await);
        }
        Ok(Self { house: house.clone(), address: peer.ip(), caller, credential, need: PhantomData })
    }
}

/// A route's permission that the configuration may lift.
pub trait MayBePublic: Need {
    /// Whether anybody may ask, without being known.
    fn is_public(parts: &Parts) -> bool;
}

/// A caller whom the route's permission has let in, or anybody where the configuration has lifted it: then who asks
/// makes no difference, and everything may be told.
pub enum Visitor<N> {
    /// Known, with the permission.
    Known(Allowed<N>),
    /// Anybody.
    Anybody(Arc<Parts>),
}

impl<N> Visitor<N> {
    /// The service.
    pub fn parts(&self) -> &Arc<Parts> {
        match self {
            Visitor::Known(door) => door.parts(),
            Visitor::Anybody(parts) => parts,
        }
    }

    /// What they may be told of.
    pub fn sight(&self, catalogue: &Catalogue) -> Sight {
        match self {
            Visitor::Known(door) => door.sight(catalogue),
            Visitor::Anybody(_) => Sight::All,
        }
    }
}

impl<N: MayBePublic> FromRequestParts<House> for Visitor<N> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, house: &House) -> Result<Self, Problem> {
        if N::is_public(&house.parts) {
            return Ok(Visitor::Anybody(Arc::clone(&house.parts)));
        }
        Allowed::from_request_parts(head, house).await.map(Visitor::Known)
    }
}

/// A public route: says so by naming this.
pub struct Anyone {
    house: House,
    address: IpAddr,
}

impl Anyone {
    /// The service.
    pub fn parts(&self) -> &Arc<Parts> {
        &self.house.parts
    }

    /// The picture for a layer, of a past moment or of now.
    pub async fn picture(&self, layer: Layer, past: Option<Timestamp>) -> Result<Arc<Picture>, Problem> {
        let house = &self.house;
        house.atlas.picture(&house.parts, &house.turns, layer, past).await.map(|(picture, _)| picture)
    }

    /// Where they ask from.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl FromRequestParts<House> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, house: &House) -> Result<Self, Problem> {
        if changes(&head.method) {
            // Signing somebody in as somebody else from a foreign page is an attack too.
            check_same_origin(&head.headers, &Credential::Demo)?;
        }
        Ok(Self { house: house.clone(), address: peer(head).ip() })
    }
}

/// A caller's rights, to be looked at again while an answer lasts.
pub struct Pass {
    parts: Arc<Parts>,
    caller: Caller,
    credential: Credential,
}

impl Pass {
    /// Whether the token still stands for the same caller with the same rights.
    pub async fn still_holds(&self) -> bool {
        let (Credential::Bearer(token) | Credential::Cookie(token)) = &self.credential else {
            return true;
        };
        matches!(look_up(&self.parts, token.clone()).await, Ok(Some(caller)) if caller == self.caller)
    }

    /// What they may be told of.
    pub fn sight(&self, catalogue: &Catalogue) -> Sight {
        Sight::of(&self.caller.scope, catalogue)
    }
}

fn peer(head: &Head) -> SocketAddr {
    // Absent only in tests that call the router without a connection; such a caller is a stranger.
    head.extensions.get::<ConnectInfo<SocketAddr>>().map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |info| info.0)
}

async fn identify(parts: &Arc<Parts>, head: &Head, peer: SocketAddr) -> Result<(Caller, Credential), Problem> {
    if let Some(token) = bearer(&head.headers)? {
        let caller = look_up(parts, token.clone()).await?;
        return caller.map(|caller| (caller, Credential::Bearer(token))).ok_or_else(unknown);
    }
    let cookie = cookie(&head.headers);
    if let Some(token) = cookie.clone()
        && let Some(caller) = look_up(parts, token.clone()).await?
    {
        return Ok((caller, Credential::Cookie(token)));
    }
    if parts.demo == Demo::Loopback && peer.ip().to_canonical().is_loopback() && host_is_loopback(&head.headers) {
        return Ok((demo_caller(), Credential::Demo));
    }
    Err(if cookie.is_some() { unknown() } else { Problem::new(Code::Unauthenticated, "send a token or sign in") })
}

/// Writes the refusal into the audit: a request is not answered before it is there.
async fn refuse(parts: &Arc<Parts>, caller: Caller, permission: Permission, path: &str, origin: IpAddr) -> Problem {
    let parts = Arc::clone(parts);
    let path = path.to_owned();
    let role = caller.role.word();
    let now = parts.clock.now();
    let noted = tokio::task::spawn_blocking(move || {
        parts.accounts.record_access_refused(&caller, permission, &path, Some(origin), now)
    });
    match noted.await {
        Ok(Ok(())) => Problem::new(Code::Forbidden, format!("role {role}, in its areas, does not include this")),
        Ok(Err(error)) => Problem::internal(error),
        Err(error) => Problem::internal(error),
    }
}

fn unknown() -> Problem {
    Problem::new(Code::Unauthenticated, "the token is unknown, withdrawn or expired")
}

/// The caller of the demo.
fn demo_caller() -> Caller {
    Caller { name: "demo".to_owned(), role: Role::Operator, scope: Scope::All }
}

async fn look_up(parts: &Arc<Parts>, token: String) -> Result<Option<Caller>, Problem> {
    let parts = Arc::clone(parts);
    let now = parts.clock.now();
    let found = tokio::task::spawn_blocking(move || parts.accounts.caller(&token, now)).await;
    found.map_err(Problem::internal)?.map_err(Problem::internal)
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    token.map(Some).ok_or_else(|| Problem::new(Code::Unauthenticated, "send the token as `Authorization: Bearer …`"))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == SESSION_COOKIE);
    values.next().map(|(_, value)| value.to_owned())
}

fn host_is_loopback(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    // A proxy on this machine speaks for people elsewhere.
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    !forwarded && ["127.0.0.1", "localhost", "[::1]"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn changes(method: &Method) -> bool {
    !(method.is_safe())
}

fn credential_comes_by_itself(credential: &Credential) -> bool {
    !matches!(credential, Credential::Bearer(_))
}

/// Refuses what a page of another origin asks for. Browsers say where a change comes from; whoever says nothing is no
/// browser, and is believed without a cookie only.
fn check_same_origin(headers: &HeaderMap, credential: &Credential) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let refused = |why: &str| Err(Problem::new(Code::CrossSite, why));
    match text("sec-fetch-site") {
        Some("same-origin") => return Ok(()),
        Some(_) => return refused("the request comes from another site"),
        None => {}
    }
    match (text(ORIGIN.as_str()), text(HOST.as_str())) {
        (Some(origin), Some(host)) if origin.split_once("://").is_some_and(|(_, from)| from == host) => Ok(()),
        (Some(_), _) => refused("the request comes from another origin"),
        (None, _) if matches!(credential, Credential::Cookie(_)) => {
            refused("a change with the session cookie must say which origin it comes from; programs use a token")
        }
        (None, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_the_loopback_by_its_own_names_is_the_demo() {
        let check = |pairs: &[(&'static str, &'static str)], expected| {
            assert_eq!(host_is_loopback(&headers(pairs)), expected, "{pairs:?}");
        };
        for host in ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]", "[::1]:8080"] {
            check(&[("host", host)], true);
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80", "::1", "0.0.0.0", "[::1"] {
            check(&[("host", host)], false);
        }
        check(&[], false);
        check(&[("host", "localhost"), ("x-forwarded-for", "203.0.113.9")], false);
    }

    #[test]
    fn pages_of_other_origins_change_nothing() {
        let check = |pairs: &[(&'static str, &'static str)], credential: Credential, expected| {
            assert_eq!(check_same_origin(&headers(pairs), &credential).is_ok(), expected, "{pairs:?}");
        };
        let cookie = || Credential::Cookie("x".to_owned());
        check(&[("sec-fetch-site", "same-origin")], cookie(), true);
        check(&[("sec-fetch-site", "cross-site")], cookie(), false);
        check(&[("sec-fetch-site", "same-site")], Credential::Demo, false);
        check(&[("sec-fetch-site", "none")], cookie(), false);
        check(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], cookie(), true);
        check(&[("origin", "http://evil.example"), ("host", "127.0.0.1:8080")], Credential::Demo, false);
        check(&[("origin", "null"), ("host", "127.0.0.1:8080")], cookie(), false);
        check(&[("host", "127.0.0.1:8080")], cookie(), false);
        check(&[("host", "127.0.0.1:8080")], Credential::Demo, true);
    }

    #[test]
    fn tokens_are_found_where_they_may_be() {
        assert_eq!(bearer(&headers(&[("authorization", "bearer  abc")])).unwrap().as_deref(), Some("abc"));
        assert!(bearer(&headers(&[("authorization", "Basic abc")])).is_err());
        assert_eq!(bearer(&headers(&[])).unwrap(), None);
        let jar = headers(&[("cookie", "a=b; saola_session=s3; c=d")]);
        assert_eq!(cookie(&jar).as_deref(), Some("s3"));
        assert_eq!(cookie(&headers(&[("cookie", "xsaola_session=s3")])), None);
    }
}
