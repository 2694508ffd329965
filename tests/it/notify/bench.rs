//! The pair of state and outbox without a service around it, and other sides that misbehave as they are told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path as Segment, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use saola::alerts::Retention;
use saola::clock::Clock;
use saola::database::Database;
use saola::model::{
    Body, Catalogue, Channel, ChannelId, Entry, LinkClass, LocalName, Message, Position, Property, Quality, Range,
    RuleFile, Sample, Seq, SourceId, Station, StationId, StationKind, StationNo, TimeClass, Timestamp, Unit,
};
use saola::notify::config::{Config, Webhook};
use saola::notify::outbox::{DeliveryRow, Filter, Outbox};
use saola::notify::people::People;
use saola::notify::send::Senders;
use saola::notify::{Courier, Desk, Happened};
use saola::state::{Effects, State};
use tokio_util::sync::CancellationToken;

/// 2026-11-21T10:15:00+07:00.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_230_900);

/// What webhooks are signed with.
pub const SECRET: &str = "f3b1c0de-webhook";

/// Something that was received.
#[derive(Clone, Debug)]
pub struct Received {
    pub lane: String,
    pub key: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The keys of what is in it.
    pub fn members(&self) -> Vec<String> {
        let document = self.json();
        match document["members"].as_array() {
            Some(members) => members.iter().map(|one| one["key"].as_str().unwrap().to_owned()).collect(),
            None => vec![document["key"].as_str().unwrap().to_owned()],
        }
    }
}

type Answers = dyn Fn(&Received) -> (StatusCode, Duration) + Send + Sync;

/// An HTTP server that notes what it answers 200.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    pub accepted: Arc<Mutex<Vec<Received>>>,
    pub refused: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Arc<Answers>>>,
}

impl Receiver {
    pub async fn start(answers: impl Fn(&Received) -> (StatusCode, Duration) + Send + Sync + 'static) -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Receiver {
            address: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            refused: Arc::default(),
            answers: Arc::new(Mutex::new(Arc::new(answers))),
        };
        let router = axum::Router::new()
            .route("/{lane}", axum::routing::any(answer))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    pub fn behave(&self, answers: impl Fn(&Received) -> (StatusCode, Duration) + Send + Sync + 'static) {
        *self.answers.lock() = Arc::new(answers);
    }

    pub fn of(&self, lane: &str) -> Vec<Received> {
        self.accepted.lock().iter().filter(|one| one.lane == lane).cloned().collect()
    }
}

async fn answer(
    Shared(receiver): Shared<Receiver>,
    Segment(lane): Segment<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let key = headers.get("idempotency-key").map_or("", |key| key.to_str().unwrap()).to_owned();
    let received = Received { lane, key, headers, body: body.to_vec() };
    let answers = receiver.answers.lock().clone();
    let (status, wait) = answers(&received);
    if status.is_success() {
        // Taken before the answer leaves, as a real receiver does.
        receiver.accepted.lock().push(received);
    } else {
        receiver.refused.lock().push(received.lane);
    }
    tokio::time::sleep(wait).await;
    status
}

/// At once, and always.
pub fn takes_all(_: &Received) -> (StatusCode, Duration) {
    (StatusCode::OK, Duration::ZERO)
}

/// A configuration with webhooks of these names at a receiver; their secret in `folder`.
pub fn config(folder: &Path, receiver: SocketAddr, webhooks: &[&str]) -> Config {
    let secret_file = folder.join("webhook.secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    let webhook = |name: &&str| Webhook {
        name: (*name).to_owned(),
        url: format!("http://{receiver}/{name}"),
        secret_file: Some(secret_file.clone()),
        ..Webhook::default()
    };
    Config {
        webhooks: webhooks.iter().map(webhook).collect(),
        private_networks: vec!["127.0.0.1".to_owned()],
        ..Config::default()
    }
}

/// State, outbox and courier over one folder.
pub struct Pair {
    pub state: State,
    pub desk: Arc<Desk>,
    pub courier: Arc<Courier>,
    pub people: Arc<People>,
    pub clock: Clock,
    stop: CancellationToken,
    running: Option<tokio::task::JoinHandle<()>>,
}

impl Pair {
    pub fn open(folder: &Path, config: &Config, clock: Clock, state: State) -> Pair {
        Pair::publishing(folder, config, clock, state, None)
    }

    /// One that has topics to publish on.
    pub fn publishing(
        folder: &Path,
        config: &Config,
        clock: Clock,
        state: State,
        publish: Option<saola::notify::send::Publish>,
    ) -> Pair {
        let outbox = Arc::new(Outbox::open(&folder.join("outbox.db"), Seq(0)).unwrap());
        let people = Arc::new(People::over(Arc::new(Database::open(&folder.join("people.db")).unwrap())).unwrap());
        let desk = Arc::new(Desk::new(config, outbox, people.clone()));
        let senders = Senders::new(config, &folder.join("vapid.pk8"), publish).unwrap();
        let courier = Courier::new(desk.clone(), senders, config, clock.clone(), Box::new(|_| true));
        Pair { state, desk, courier: Arc::new(courier), people, clock, stop: CancellationToken::new(), running: None }
    }

    pub fn run(&mut self) {
        self.running = Some(tokio::spawn(self.courier.clone().run(self.stop.clone())));
    }

    pub async fn stop(&mut self) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
    }

    /// What the follower of the journal does.
    pub fn take(&mut self, entries: &[Entry]) {
        let mut effects = Effects::default();
        for entry in entries {
            self.state.apply(entry, &mut effects);
        }
        let happened = Happened {
            catalogue: &self.state.catalogue,
            places: &[],
            transitions: &effects.transitions,
            escalations: effects.escalations.iter().map(|one| (one, None)).collect(),
            masked: &effects.masked,
            unmasked: &effects.unmasked,
            advice: &|_| None,
            through: self.state.applied,
            now: self.clock.now(),
        };
        self.desk.take(&happened).unwrap();
    }

    pub fn deliveries(&self) -> Vec<DeliveryRow> {
        self.desk.outbox().list(&Filter { limit: 1_000_000, ..Filter::default() }).unwrap()
    }

    pub fn waiting(&self) -> u64 {
        self.desk.outbox().waiting().unwrap().count
    }
}

pub fn new_state() -> State {
    State::new(Retention::default())
}

/// Stations `S-0`, `S-1`, … with a channel each, and one rule: above 10, until below 5, however often.
pub fn begin(stations: u32) -> [Body; 2] {
    let name = |text: &str| LocalName { vi: text.to_owned(), en: text.to_owned() };
    let channel = |no: u32| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new("air_temperature"),
        unit: Unit::Celsius,
        interval: Duration::from_secs(60),
        plausible: Range { min: -1e6, max: 1e6 },
        link: LinkClass::Wired,
        retired: false,
    };
    let station = |no: u32| Station {
        no: StationNo(no),
        id: StationId::new(&format!("S-{no}")),
        kind: StationKind::Weather,
        name: name(&format!("Trạm {no}")),
        position: Position { lon: 103.4, lat: 22.3 },
        area: None,
        maintenance: false,
        retired: false,
        channels: vec![ChannelId(no)],
    };
    let (stations, channels) = ((0..stations).map(station).collect(), (0..stations).map(channel).collect());
    let catalogue = Catalogue::new(vec!["test".to_owned()], vec![], stations, channels).unwrap();
    let text = "[[rule]]\nname = \"hot\"\ntitle = { vi = \"Nóng\", en = \"Hot\" }\nproperty = \"air_temperature\"\n\
                unit = \"Cel\"\nflapping = false\nlevels = [{ severity = \"high\", above = 10, clear = 5 }]\n";
    let rules = vec![RuleFile { name: "test.toml".to_owned(), text: text.to_owned() }];
    [Body::Catalogue(Box::new(catalogue)), Body::Rules(rules)]
}

/// A sample of a station.
pub fn sample(station: u32, at: Timestamp, value: f64) -> Body {
    let sample = Sample {
        channel: ChannelId(station),
        observed_at: at,
        value,
        quality: Quality::GOOD,
        time_class: TimeClass::Live,
    };
    Body::Message(Message {
        source: SourceId(0),
        received: 1,
        duplicates: 0,
        samples: vec![sample],
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    })
}

/// Bodies as entries from `first` on, a second apart.
pub fn entries(first: u64, bodies: impl IntoIterator<Item = Body>) -> Vec<Entry> {
    let numbered = bodies.into_iter().zip(first..);
    numbered.map(|(body, seq)| Entry { seq: Seq(seq), received_at: time_of(seq), body }).collect()
}

/// When the entry of a script comes.
pub fn time_of(seq: u64) -> Timestamp {
    NOW + Duration::from_secs(seq)
}
