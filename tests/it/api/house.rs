//! A house to knock at: two communes, four stations, a manual clock, entries applied by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::{Mutex, RwLock};
use saola::api::{self, Check, Config, Demo, Hooks, Parts};
use saola::auth::{Accounts, NewAccount, NewPassword, PasswordCost, Role, Scope};
use saola::clock::Clock;
use saola::database::Database;
use saola::history::{self, History};
use saola::live::Feed;
use saola::model::{
    Area, AreaId, AreaLevel, Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position,
    Property, Quality, Range, RawCopy, Rejection, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo,
    TimeClass, Timestamp, Unit,
};
use saola::registry::{AreaShape, Areas};
use saola::state::{Effects, State};
use saola::store::{self, Store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// 2026-11-21T10:15:00+07:00.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

/// `A-AIR`/pm2_5 in commune 001.
pub const PM: ChannelId = ChannelId(0);
/// `A-AIR`/air_temperature in commune 001.
pub const TEMPERATURE: ChannelId = ChannelId(1);
/// `B-RIVER`/water_level in commune 002.
pub const LEVEL: ChannelId = ChannelId(2);
/// `C-RAIN`/rainfall, outside every commune.
pub const RAIN: ChannelId = ChannelId(3);
/// `D-OLD`/rainfall in commune 001, retired.
pub const OLD: ChannelId = ChannelId(4);

/// The parts behind a router, and the hand that applies entries.
pub struct House {
    pub parts: Arc<Parts>,
    pub router: axum::Router,
    pub replayed: Arc<Mutex<Vec<Seq>>>,
    seq: Mutex<Seq>,
    _folder: tempfile::TempDir,
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl House {
    /// With the demo's door open.
    pub fn demo() -> House {
        House::with(Demo::Loopback, Config::default())
    }

    pub fn with(demo: Demo, config: Config) -> House {
        House::asking(demo, config, history::Config::default())
    }

    /// With limits of questions about the past.
    pub fn asking(demo: Demo, config: Config, history: history::Config) -> House {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("store"), &store::Config::default()).unwrap());
        let accounts = Arc::new(accounts(folder.path()));
        let replayed = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&replayed);
        let shapes = Arc::new(Areas::new(vec![square("001", 103.0), square("002", 104.0)]));
        let parts = Arc::new(Parts {
            config,
            clock: Clock::manual(NOW),
            demo,
            state: Arc::new(RwLock::new(State::new(saola::alerts::Retention::default()))),
            feed: Arc::new(Feed::new(1_000, Seq(0))),
            history: Arc::new(History::new(Arc::clone(&store), history, 420)),
            store,
            areas: Box::new(move || Arc::clone(&shapes)),
            accounts,
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            readiness: Box::new(|| {
                vec![Check { part: "journal".into(), ready: true, detail: "everything on disk".into() }]
            }),
            intake_at: Box::new(|| Some(NOW - Duration::from_secs(3))),
            replay: Box::new(move |letter| {
                noted.lock().push(letter.id);
                Box::pin(async move { Ok(letter.id.next()) })
            }),
            hooks: Hooks::new(&saola::intake::Config::default(), Box::new(|_| panic!("no source takes requests here"))),
            stop: CancellationToken::new(),
        });
        let router = api::router(Arc::clone(&parts));
        let house = House { parts, router, replayed, seq: Mutex::new(Seq(0)), _folder: folder };
        house.enter(Body::Catalogue(Box::new(catalogue())));
        house
    }

    /// Applies an entry as the pipeline does.
    pub fn enter(&self, body: Body) -> Seq {
        let mut last = self.seq.lock();
        *last = last.next();
        let entry = Entry { seq: *last, received_at: self.parts.clock.now(), body };
        let mut effects = Effects::default();
        self.parts.state.write().apply(&entry, &mut effects);
        effects.publish(&self.parts.feed, entry.seq);
        self.parts.store.apply(&[entry]).unwrap();
        *last
    }

    /// A sample of a channel, observed so many seconds before now.
    pub fn observe(&self, channel: ChannelId, ago_s: u64, value: f64) -> Seq {
        self.observe_as(channel, ago_s, value, Quality::GOOD)
    }

    pub fn observe_as(&self, channel: ChannelId, ago_s: u64, value: f64, quality: Quality) -> Seq {
        let observed_at = self.parts.clock.now() - Duration::from_secs(ago_s);
        let sample = Sample { channel, observed_at, value, quality, time_class: TimeClass::Live };
        self.enter(Body::Message(message(vec![sample], Vec::new(), b"")))
    }

    /// A message that was refused.
    pub fn refuse(&self, rejection: Rejection, payload: &[u8]) -> Seq {
        self.enter(Body::Message(message(Vec::new(), vec![rejection], payload)))
    }

    /// A token of a new account that sees these areas, or everything.
    pub fn token(&self, name: &str, role: Role, areas: Option<&[&str]>, lifetime: Duration) -> String {
        let areas = areas.map(|codes| codes.iter().map(|code| AreaId::new(code)).collect());
        let new = NewAccount { name: name.into(), role, scope: areas.map_or(Scope::All, Scope::Areas) };
        let accounts = &self.parts.accounts;
        accounts.add("test", &new, &NewPassword::Chosen(PASSWORD), NOW).unwrap();
        accounts.issue_token("test", name, "test", lifetime, NOW).unwrap().token
    }

    /// GET with a token.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.ask(with_token(request(Method::GET, path), token)).await
    }

    /// GET as a page of this machine sends it.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path)).await
    }

    pub async fn ask(&self, request: Request<HttpBody>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// Of every account made here.
pub const PASSWORD: &str = "sương mù Sìn Hồ 1968";

/// The request with a token.
pub fn with_token(mut request: Request<HttpBody>, token: &str) -> Request<HttpBody> {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// A request from this machine, without a body.
pub fn request(method: Method, path: &str) -> Request<HttpBody> {
    let mut request = Request::new(HttpBody::empty());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    request.headers_mut().insert("host", "127.0.0.1:8080".parse().unwrap());
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    request
}

fn message(samples: Vec<Sample>, rejections: Vec<Rejection>, payload: &[u8]) -> Message {
    let raw = RawCopy { topic: "saola/v1/A-AIR".into(), payload: payload.to_vec() };
    Message {
        source: SourceId(0),
        received: u32::try_from(samples.len() + rejections.len()).unwrap(),
        duplicates: 0,
        samples,
        raw: (!rejections.is_empty()).then_some(raw),
        rejections,
    }
}

/// Passwords hashed as cheaply as possible: not what is tested here.
fn accounts(folder: &std::path::Path) -> Accounts {
    let database = Arc::new(Database::open(&folder.join("saola.sqlite")).unwrap());
    Accounts::over(database, PasswordCost { memory_kib: 8, passes: 1 }).unwrap()
}

fn name(vi: &str, en: &str) -> LocalName {
    LocalName { vi: vi.into(), en: en.into() }
}

fn square(id: &str, west: f64) -> AreaShape {
    let east = west + 1.0;
    let ring = geo::Rect::new((west, 22.0), (east, 23.0)).to_polygon();
    let area = Area {
        id: AreaId::new(id),
        level: AreaLevel::Commune,
        name: name(&format!("Xã {id}"), &format!("Commune {id}")),
        parent: Some(AreaId::new("12")),
    };
    AreaShape::new(area, geo::MultiPolygon::new(vec![ring]), None).unwrap()
}

fn channel(id: ChannelId, station: u32, property: &str, unit: Unit, retired: bool) -> Channel {
    Channel {
        id,
        station: StationNo(station),
        property: Property::new(property),
        unit,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1_000.0, max: 10_000.0 },
        link: LinkClass::Cellular,
        retired,
    }
}

fn station(no: u32, id: &str, kind: StationKind, vi: &str, lon: f64, area: Option<&str>) -> Station {
    Station {
        no: StationNo(no),
        id: StationId::new(id),
        kind,
        name: name(vi, id),
        position: Position { lon, lat: 22.5 },
        area: area.map(AreaId::new),
        maintenance: false,
        retired: id == "D-OLD",
        channels: Vec::new(),
    }
}

pub fn catalogue() -> Catalogue {
    let channels = vec![
        channel(PM, 0, "pm2_5", Unit::MicrogramPerCubicMetre, false),
        channel(TEMPERATURE, 0, "air_temperature", Unit::Celsius, false),
        channel(LEVEL, 1, "water_level", Unit::Metre, false),
        channel(RAIN, 2, "rainfall", Unit::Millimetre, false),
        channel(OLD, 3, "rainfall", Unit::Millimetre, true),
    ];
    let mut stations = vec![
        station(0, "A-AIR", StationKind::Air, "Mường Tè", 103.5, Some("001")),
        station(1, "B-RIVER", StationKind::River, "Nậm Na", 104.5, Some("002")),
        station(2, "C-RAIN", StationKind::Rain, "Ngoài vùng", 110.0, None),
        station(3, "D-OLD", StationKind::Rain, "Trạm cũ", 103.2, Some("001")),
    ];
    for channel in &channels {
        stations[channel.station.index()].channels.push(channel.id);
    }
    let commune = |id: &str| square(id, 0.0).area;
    let province =
        Area { id: AreaId::new("12"), level: AreaLevel::Province, name: name("Lai Châu", "Lai Chau"), parent: None };
    Catalogue::new(vec!["edge".into()], vec![province, commune("001"), commune("002")], stations, channels).unwrap()
}
