//! A house to knock at: two communes, four stations, a manual clock, entries applied by hand.

mod province;

use std::borrow::Borrow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use parking_lot::{Mutex, RwLock};
use saola::api::commands::{Commanded, NotCommanded};
use saola::api::{self, Check, Commanding, Config, Demo, Hooks, Noting, Parts, Replayed};
use saola::auth::{Accounts, Devices, NewAccount, NewPassword, PasswordCost, Role, Scope};
use saola::clock::Clock;
use saola::coverage::Coverage;
use saola::database::Database;
use saola::history::{self, History};
use saola::live::Feed;
use saola::model::{
    AreaId, Body, Catalogue, ChannelId, Entry, Message, Quality, RawCopy, Rejection, RuleFile, Sample, Seq, SourceId,
    StationCommand, TimeClass, Timestamp,
};
use saola::registry::Registry;
use saola::state::{Effects, State};
use saola::store::{self, Store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use province::registry;

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
    pub commanded: Arc<Mutex<Vec<StationCommand>>>,
    /// What was to be journaled; nobody applies it, unless somebody says so.
    pub commands: Arc<Mutex<Vec<Body>>>,
    applying: Arc<AtomicBool>,
    hand: Arc<Hand>,
    /// Where its files are.
    pub folder: tempfile::TempDir,
}

/// Takes entries to everybody who follows the journal.
struct Hand {
    clock: Clock,
    state: Arc<RwLock<State>>,
    feed: Arc<Feed>,
    store: Arc<Store>,
    seq: Mutex<Seq>,
    entries: Mutex<Vec<Entry>>,
}

impl Hand {
    fn over(store: Arc<Store>) -> Hand {
        Hand {
            clock: Clock::manual(NOW),
            state: Arc::new(RwLock::new(State::new(saola::alerts::Retention::default()))),
            feed: Arc::new(Feed::new(1_000, Seq(0))),
            store,
            seq: Mutex::new(Seq(0)),
            entries: Mutex::default(),
        }
    }

    fn enter(&self, body: Body) -> Seq {
        let entry = self.enter_unstored(body);
        let seq = entry.seq;
        self.store.apply(&[entry]).unwrap();
        seq
    }

    fn enter_unstored(&self, body: Body) -> Entry {
        let mut last = self.seq.lock();
        *last = last.next();
        let entry = Entry { seq: *last, received_at: self.clock.now(), body };
        self.entries.lock().push(entry.clone());
        let mut effects = Effects::default();
        self.state.write().apply(&entry, &mut effects);
        effects.publish(&self.feed, entry.seq);
        entry
    }
}

/// What a house is configured with.
#[derive(Default)]
pub struct Settings {
    pub config: Config,
    pub history: history::Config,
    pub cap: saola::cap::Config,
    pub open_data: saola::open_data::Config,
    pub store: store::Config,
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
        House::made(demo, Settings { config, history, ..Settings::default() })
    }

    /// With the demo's door open and another store.
    pub fn over(store: &store::Config) -> House {
        House::made(Demo::Loopback, Settings { store: store.clone(), ..Settings::default() })
    }

    /// With a say in what is configured.
    pub fn made(demo: Demo, settings: Settings) -> House {
        let Settings { config, history, cap, open_data, store } = settings;
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&folder.path().join("store"), &store).unwrap());
        let commanded = Arc::new(Mutex::new(Vec::new()));
        let commands = Arc::new(Mutex::new(Vec::new()));
        let applying = Arc::new(AtomicBool::new(false));
        let replayed = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&replayed);
        let registry = Arc::new(registry(folder.path()));
        let (accounts, devices) = accounts(registry.database());
        let catalogue = Box::new(registry.catalogue().unwrap());
        let hand = Arc::new(Hand::over(Arc::clone(&store)));
        let parts = Arc::new(Parts {
            config,
            clock: hand.clock.clone(),
            demo,
            state: Arc::clone(&hand.state),
            feed: Arc::clone(&hand.feed),
            coverage: Arc::new(Coverage::new(saola::coverage::Config::default())),
            history: Arc::new(History::new(Arc::clone(&store), history, 420)),
            store,
            areas: Box::new({
                let registry = Arc::clone(&registry);
                move || registry.areas()
            }),
            registry,
            install: Box::new({
                let hand = Arc::clone(&hand);
                move |catalogue| {
                    let seq = hand.enter(Body::Catalogue(Box::new(Catalogue::clone(&catalogue))));
                    Box::pin(async move { Ok(seq) })
                }
            }),
            editing: tokio::sync::Mutex::new(()),
            correcting: Arc::default(),
            replaying: tokio::sync::Mutex::default(),
            accounts,
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            readiness: Box::new(|| {
                vec![Check { part: "journal".into(), ready: true, detail: "everything on disk".into() }]
            }),
            intake_at: Box::new(|| Some(NOW - Duration::from_secs(3))),
            replay: Box::new(move |letters| {
                noted.lock().extend(letters.iter().map(|letter| letter.id));
                let taken = |letter: saola::store::DeadLetter| {
                    let seq = letter.id.next();
                    Ok(Replayed { seq, received: 1, taken: 1, duplicate: 0, rejections: Vec::new() })
                };
                let replayed = letters.into_iter().map(taken).collect();
                Box::pin(async move { Ok(replayed) })
            }),
            devices,
            command: commander(&commanded),
            shelve_max: Duration::from_secs(7 * 86_400),
            cap,
            open_data,
            rules: rules_desk(&hand),
            note: noter(&commands, &hand, &applying),
            hooks: no_hooks(),
            field: Arc::new(saola::field::Book::open(&folder.path().join("field.db")).unwrap()),
            courier: courier(folder.path(), &hand.clock),
            stop: CancellationToken::new(),
        });
        let router = api::router(Arc::clone(&parts));
        let house = House { parts, router, replayed, commanded, commands, applying, hand, folder };
        house.enter(Body::Catalogue(catalogue));
        house
    }

    /// From now on what operators say is applied at once.
    pub fn apply_what_is_said(&self) {
        self.applying.store(true, Ordering::SeqCst);
    }

    /// Applies an entry as the pipeline does.
    pub fn enter(&self, body: Body) -> Seq {
        self.hand.enter(body)
    }

    /// Enters [`FILE_RULES`], as a start does that reads them from the province's files.
    pub fn enter_file_rules(&self) -> Seq {
        self.enter(Body::Rules(vec![file_rules()]))
    }

    /// The same while the store stands still.
    pub fn enter_unstored(&self, body: Body) -> Entry {
        self.hand.enter_unstored(body)
    }

    /// Every entry so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.hand.entries.lock().clone()
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

    /// The same while the store stands still.
    pub fn observe_unstored(&self, channel: ChannelId, ago_s: u64, value: f64) -> Entry {
        let observed_at = self.parts.clock.now() - Duration::from_secs(ago_s);
        let sample = Sample { channel, observed_at, value, quality: Quality::GOOD, time_class: TimeClass::Live };
        self.enter_unstored(Body::Message(message(vec![sample], Vec::new(), b"")))
    }

    /// The entry that would be next, with a sample; nobody is given it.
    pub fn entry_of(&self, channel: ChannelId, ago_s: u64, value: f64) -> Entry {
        let (received_at, quality) = (self.parts.clock.now(), Quality::GOOD);
        let observed_at = received_at - Duration::from_secs(ago_s);
        let sample = Sample { channel, observed_at, value, quality, time_class: TimeClass::Live };
        Entry {
            seq: self.hand.seq.lock().next(),
            received_at,
            body: Body::Message(message(vec![sample], Vec::new(), b"")),
        }
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

/// One file of rules; new ones are applied at once.
fn rules_desk(hand: &Arc<Hand>) -> api::rules::Desk {
    let hand = Arc::clone(hand);
    let install: Box<dyn Fn(Vec<RuleFile>) -> saola::api::Installing + Send + Sync> = Box::new(move |files| {
        let seq = hand.enter(Body::Rules(files));
        Box::pin(async move { Ok(seq) })
    });
    api::rules::Desk { files: vec![file_rules()], install }
}

fn file_rules() -> RuleFile {
    RuleFile { name: "files.toml".into(), text: FILE_RULES.into() }
}

/// The rules of the province's only file.
const FILE_RULES: &str = "[[rule]]
name = 'flood'
title = { vi = 'Lũ', en = 'Flood' }
property = 'water_level'
levels = [{ severity = 'high', above = 3, clear = 2.5 }, { severity = 'very_high', above = 5 }]
";

fn no_hooks() -> Hooks {
    Hooks::new(&saola::intake::Config::default(), Box::new(|_| panic!("no source takes requests here")))
}

/// A courier that nobody runs: one gateway, and push.
fn courier(folder: &std::path::Path, clock: &Clock) -> Arc<saola::notify::Courier> {
    use saola::notify::{self, Courier, Desk, outbox::Outbox, people::People, send::Senders};
    let gateway = notify::config::Gateway {
        name: "sms".into(),
        form: notify::config::Form::Sms,
        url: "https://sms.example.vn/".into(),
        body: "{text}".into(),
        ..Default::default()
    };
    let push = Some(notify::config::Push { contact: "mailto:a@example.vn".into() });
    let config = notify::Config { gateways: vec![gateway], push, ..Default::default() };
    let outbox = Arc::new(Outbox::open(&folder.join("outbox.db"), Seq(0)).unwrap());
    let people = Arc::new(People::over(Arc::new(Database::open(&folder.join("people.db")).unwrap())).unwrap());
    let senders = Senders::new(&config, &folder.join("vapid.pk8"), None).unwrap();
    let desk = Arc::new(Desk::new(&config, outbox, people));
    Arc::new(Courier::new(desk, senders, &config, clock.clone(), Box::new(|_| true)))
}

/// Of every account made here.
pub const PASSWORD: &str = "sương mù Sìn Hồ 1968";

/// The request with a token.
pub fn with_token(mut request: Request<HttpBody>, token: &str) -> Request<HttpBody> {
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// With a body in JSON.
pub fn with_json(mut request: Request<HttpBody>, body: &serde_json::Value) -> Request<HttpBody> {
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    *request.body_mut() = body.to_string().into();
    request
}

/// The answer to a request with a token and a body in JSON.
pub async fn send(
    house: &House,
    token: &str,
    method: Method,
    path: &str,
    body: impl Borrow<serde_json::Value>,
) -> Answer {
    house.ask(with_json(with_token(request(method, path), token), body.borrow())).await
}

/// An answer that must be a document.
pub fn document(answer: &Answer, path: &str) -> serde_json::Value {
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer.json()
}

/// A name as one segment of an address, whatever is in it.
pub fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
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
        unknown: Vec::new(),
        again: None,
    }
}

/// Notes commands; one whose payload is `nobody` reaches nobody.
fn commander(heard: &Arc<Mutex<Vec<StationCommand>>>) -> Box<dyn Fn(StationCommand) -> Commanding + Send + Sync> {
    let heard = Arc::clone(heard);
    Box::new(move |command| {
        let nobody = command.payload == "nobody";
        heard.lock().push(command);
        Box::pin(async move {
            if nobody {
                return Err(NotCommanded::Nobody("no device has subscribed".into()));
            }
            Ok(Commanded { topic: "saola/v1/A-AIR/commands".into(), connected: 1, waiting: 0, refused: 0 })
        })
    })
}

/// Notes what operators say.
/// The number is that of the next entry: whoever enters what was said, and nothing before it, gives it that one.
fn noter(
    said: &Arc<Mutex<Vec<Body>>>,
    hand: &Arc<Hand>,
    applying: &Arc<AtomicBool>,
) -> Box<dyn Fn(Body) -> Noting + Send + Sync> {
    let (said, hand, applying) = (Arc::clone(said), Arc::clone(hand), Arc::clone(applying));
    Box::new(move |body| {
        if applying.load(Ordering::SeqCst) {
            let seq = hand.enter(body);
            return Box::pin(async move { Ok(seq) });
        }
        said.lock().push(body);
        let seq = hand.seq.lock().next();
        Box::pin(async move { Ok(seq) })
    })
}

/// Passwords hashed as cheaply as possible: not what is tested here.
fn accounts(database: &Arc<Database>) -> (Arc<Accounts>, Arc<Devices>) {
    let accounts = Accounts::over(database.clone(), PasswordCost { memory_kib: 8, passes: 1 }).unwrap();
    (Arc::new(accounts), Arc::new(Devices::over(database.clone())))
}
