//! Bodies: round trip of every kind, every truncation, noise.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::journal::body::{decode, encode};
use std::time::Duration;

use crate::model::{
    Again, AlertCommand, AlertId, Area, AreaId, AreaLevel, Awake, Catalogue, Channel, CloseCause, CommandKey,
    Corrections, Deaf, DeliveryFailed, Derived, DeviceFact, DeviceReport, EscalationPlan, FormerPlace, Keep, Ladder,
    LadderStep, Limits, LinkClass, LocalName, MaintenanceCommand, Order, Outage, PersonId, Policy, Position, Property,
    Range, RawCopy, Reason, Recipient, Rejection, Reminders, RuleFile, Said, Severity, Station, StationCommand,
    StationId, StationKind, StationNo, Step, Stuck, Unit, UnknownName, Window,
};

fn bytes_of(received_at: Timestamp, body: &Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(received_at, body, &mut bytes).unwrap();
    bytes
}

fn check(received_at: Timestamp, body: Body) {
    let bytes = bytes_of(received_at, &body);
    assert_eq!(decode(Seq(7), &bytes).unwrap(), Entry { seq: Seq(7), received_at, body });
    for cut in 0..bytes.len() {
        assert!(decode(Seq(7), &bytes[..cut]).is_err(), "cut at {cut} of {}", bytes.len());
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(decode(Seq(7), &longer).is_err());
}

fn catalogue(stations: u32) -> Catalogue {
    let name = LocalName { vi: "Điện Biên".to_owned(), en: "Dien Bien".to_owned() };
    let area = Area { id: AreaId::new("12"), level: AreaLevel::Province, name: name.clone(), parent: None };
    let station = |no| Station {
        no: StationNo(no),
        id: StationId::new(&format!("FOR-{no}")),
        kind: StationKind::ALL[no as usize % 7],
        name: name.clone(),
        position: Position { lon: 103.47, lat: 22.39 },
        area: Some(AreaId::new("12")),
        maintenance: no % 2 == 0,
        retired: no % 3 == 0,
        channels: vec![ChannelId(no)],
    };
    let channel = |no| Channel {
        id: ChannelId(no),
        station: StationNo(no),
        property: Property::new("rainfall"),
        unit: Unit::ALL[no as usize % Unit::ALL.len()],
        interval: std::time::Duration::from_millis(60_500),
        plausible: Range { min: -1.5, max: 6000.0 },
        link: LinkClass::Lorawan,
        retired: no % 5 == 0,
    };
    Catalogue::new(
        vec!["edge".to_owned()],
        vec![area],
        (0..stations).map(station).collect(),
        (0..stations).map(channel).collect(),
    )
    .unwrap()
}

fn sample() -> impl Strategy<Value = Sample> {
    let value = prop_oneof![any::<f64>().prop_filter("finite", |value| value.is_finite()), Just(-0.0), Just(21.5)];
    let class =
        prop_oneof![Just(TimeClass::Live), Just(TimeClass::Late), Just(TimeClass::Backfill), Just(TimeClass::Imported)];
    (any::<u32>(), any::<i64>(), value, any::<u16>(), class).prop_map(|(channel, at, value, quality, time_class)| {
        Sample {
            channel: ChannelId(channel),
            observed_at: Timestamp::from_micros(at),
            value,
            quality: Quality(quality >> (quality % 16)),
            time_class,
        }
    })
}

fn any_message() -> impl Strategy<Value = Body> {
    let rejection = (0..Reason::ALL.len() as u8, ".{0,40}")
        .prop_map(|(reason, detail)| Rejection { reason: Reason::from_index(reason).unwrap(), detail });
    let raw = proptest::option::of(
        (".{0,40}", vec(any::<u8>(), 0..300)).prop_map(|(topic, payload)| RawCopy { topic, payload }),
    );
    let unit = proptest::option::of((0..Unit::ALL.len()).prop_map(|place| Unit::ALL[place]));
    let unknown =
        (".{0,40}", ".{0,40}", unit).prop_map(|(station, property, unit)| UnknownName { station, property, unit });
    let again = proptest::option::of(
        (any::<u64>(), any::<i64>()).prop_map(|(of, at)| Again { of: Seq(of), first_at: Timestamp::from_micros(at) }),
    );
    let counts = (any::<u16>(), any::<u32>(), any::<u32>());
    (counts, vec(sample(), 0..5), vec(rejection, 0..4), raw, vec(unknown, 0..3), again).prop_map(
        |((source, received, duplicates), samples, rejections, raw, unknown, again)| {
            let source = SourceId(source);
            Body::Message(Message { source, received, duplicates, samples, rejections, raw, unknown, again })
        },
    )
}

proptest! {
    #[test]
    fn messages_come_back_as_they_were(at: i64, body in any_message()) {
        check(Timestamp::from_micros(at), body);
    }

    #[test]
    fn rules_come_back_as_they_were(at: i64, files in vec((".{0,20}", ".{0,200}"), 0..4)) {
        let files: Vec<_> = files.into_iter().map(|(name, text)| RuleFile { name, text }).collect();
        check(Timestamp::from_micros(at), Body::Rules(Vec::clone(&files)));
        check(Timestamp::from_micros(at), Body::Grouping(files));
    }

    #[test]
    fn commands_come_back_as_they_were(at: i64, station in ".{0,20}", payload in ".{0,200}", until: Option<i64>) {
        let (author, expires_at) = ("an".to_owned(), until.map(Timestamp::from_micros));
        let command = StationCommand { station, author, payload, keep: Keep::LastWord, expires_at };
        check(Timestamp::from_micros(at), Body::Command(Box::new(command)));
    }

    #[test]
    fn noise_is_refused_or_read_and_never_panics(kind in prop_oneof![0_u8..6, 20_u8..26, 30_u8..33, Just(40_u8), 55_u8..58, Just(65_u8)], bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(Seq(1), &bytes);
        let noise: Vec<u8> = [kind].into_iter().chain(bytes).collect();
        let _ = decode(Seq(1), &noise);
    }

    #[test]
    fn a_flipped_bit_is_refused_or_read_and_never_panics(body in any_message(), place: prop::sample::Index, bit in 0..8) {
        let mut bytes = bytes_of(Timestamp::EPOCH, &body);
        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;
        let _ = decode(Seq(1), &bytes);
    }
}

#[test]
fn ticks_and_catalogues_come_back_as_they_were() {
    check(Timestamp::from_micros(i64::MIN), Body::Tick);
    check(Timestamp::from_seconds(1), Body::Catalogue(Box::default()));
    check(Timestamp::from_seconds(1), Body::Catalogue(Box::new(catalogue(9))));
    let place = |until, area: Option<&str>| FormerPlace {
        until: Timestamp::from_seconds(until),
        position: Position { lon: 103.1, lat: -22.25 },
        area: area.map(AreaId::new),
    };
    let moves = vec![(StationNo(2), vec![place(5, None), place(9, Some("12"))]), (StationNo(7), vec![place(1, None)])];
    let moved = catalogue(9).with_moves(moves);
    check(Timestamp::from_seconds(1), Body::Catalogue(Box::new(moved.clone())));
    let derived = vec![Derived { channel: ChannelId(3), from: vec![ChannelId(1), ChannelId(2)] }];
    check(Timestamp::from_seconds(1), Body::Catalogue(Box::new(moved.with_derived(derived.clone()))));
    check(Timestamp::from_seconds(1), Body::Catalogue(Box::new(catalogue(9).with_derived(derived))));
    check(Timestamp::from_seconds(1), Body::Canary { sent_at: Timestamp::from_micros(-7) });
}

#[test]
fn messages_without_names_are_written_as_before() {
    let message = Message {
        source: SourceId(1),
        received: 1,
        duplicates: 1,
        samples: Vec::new(),
        rejections: Vec::new(),
        raw: None,
        unknown: Vec::new(),
        again: None,
    };
    let bytes = bytes_of(Timestamp::EPOCH, &Body::Message(message));
    assert_eq!(bytes, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0]);
    assert_eq!(bytes_of(Timestamp::EPOCH, &Body::Catalogue(Box::default()))[0], 3);
}

/// One of each kind that is written by the model's own types.
fn facts() -> Vec<Body> {
    let at = Timestamp::from_seconds;
    let limits = Limits {
        unit: Unit::Celsius,
        range: Some(Range { min: -8.0, max: 45.0 }),
        step: Some(Step { by: 3.0, per_hour: 12.0 }),
        stuck: Some(Stuck { after: Duration::from_secs(60), tolerance: 0.1, except: vec![0.0] }),
    };
    let mut policy = Policy::default();
    policy.properties.insert("air_temperature".into(), limits.clone());
    policy.channels.insert(("Đồi-2".into(), "air_temperature".into()), limits);
    let zone = "Asia/Ho_Chi_Minh".to_owned();
    policy.awake.insert(("A".into(), None), Awake::Daily { from_minute: 360, to_minute: 1080, zone });
    policy.awake.insert(("A".into(), Some("rainfall".into())), Awake::Solar);
    let fact = |station, said| DeviceFact { device: "G/N".to_owned(), station, said };
    let facts =
        vec![fact(None, Said::Missed(u64::MAX)), fact(Some(StationNo(7)), Said::Silent), fact(None, Said::Joined)];
    let (reason, author) = ("thay cảm biến".to_owned(), "an".to_owned());
    let window =
        Window { station: StationNo(1), from: at(1), to: at(2), reason: reason.clone(), author: author.clone() };
    let Body::Message(message) = message(3) else { panic!("a message") };
    vec![
        Body::Policy(Box::new(policy)),
        Body::Devices(DeviceReport { source: SourceId(3), facts }),
        Body::Outage(Outage { of: Deaf::Everything, from: at(1), to: Some(at(2)) }),
        Body::Outage(Outage { of: Deaf::Source(SourceId(9)), from: at(1), to: None }),
        Body::Maintenance(MaintenanceCommand::Plan(window)),
        Body::Maintenance(MaintenanceCommand::Withdraw { window: Seq(8), author: author.clone() }),
        Body::Corrections(Corrections { author, reason, samples: message.samples }),
        Body::Escalation(Box::new(plan())),
        Body::DeliveryFailed(DeliveryFailed {
            alert: alert(),
            person: PersonId("lò-văn-a".into()),
            step: 2,
            of: Seq(41),
        }),
    ]
    .into_iter()
    .chain(words().map(|order| word(order, at(9))))
    .collect()
}

fn alert() -> AlertId {
    AlertId("dust~AQ-01~pm2_5~1800000000000000".into())
}

fn plan() -> EscalationPlan {
    let step = |after, to| LadderStep { after: Duration::from_secs(after), to };
    let ladder = Ladder {
        severities: vec![Severity::High],
        causes: ["pm2_5".to_owned()].into(),
        areas: ["12".into()].into(),
        steps: vec![step(600, Recipient::Duty("forest".into())), step(1200, Recipient::Role("operator".into()))],
        reminders: Some(Reminders { every: Duration::from_secs(60), at_most: 3, to: None }),
    };
    EscalationPlan { ladders: vec![ladder, Ladder { severities: vec![], ..Ladder::default() }] }
}

/// One of each order.
fn words() -> impl Iterator<Item = Order> {
    let note = || "đã biết".to_owned();
    let orders = [
        Order::Acknowledge { note: note() },
        Order::Unacknowledge { note: note() },
        Order::Assign { to: Some("an".into()), note: note() },
        Order::Assign { to: None, note: note() },
        Order::Comment { text: note() },
        Order::Shelve { until: Timestamp::from_seconds(7), reason: note() },
        Order::Unshelve { note: note() },
        Order::Close { cause: CloseCause::Duplicate, note: note() },
    ];
    orders.into_iter()
}

fn word(order: Order, said_at: Timestamp) -> Body {
    let key = Some(CommandKey { text: "phone-1-77".into(), request: [7; 16] });
    let author = "an".to_owned();
    let versions = Some(vec![1, 2]);
    let origin = Some(std::net::Ipv4Addr::new(10, 0, 0, 1).into());
    Body::Alert(Box::new(AlertCommand { alert: alert(), author, order, said_at: Some(said_at), versions, key, origin }))
}

#[test]
fn facts_and_commands_come_back_as_they_were_and_no_part_of_them_is_one() {
    for body in facts() {
        let bytes = bytes_of(Timestamp::EPOCH, &body);
        check(Timestamp::from_seconds(1), body);
        for place in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            let _ = decode(Seq(1), &flipped);
        }
    }
}

#[test]
fn a_count_beyond_the_bytes_reserves_nothing() {
    // A message with 2^32 samples of which none follows.
    let bytes = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(decode(Seq(1), &bytes).unwrap_err().to_string(), "the bytes are not an entry: count beyond the bytes");
}

#[test]
fn a_message_is_as_small_as_the_drawing_says() {
    let Body::Message(mut many) = message(300) else { panic!("a message") };
    let one = bytes_of(received(300), &Body::Message(many.clone())).len();
    many.samples = vec![many.samples[0]; 101];
    let each = (bytes_of(received(300), &Body::Message(many)).len() - one) / 100;
    assert!(one + 16 <= 48, "{one} bytes and a header");
    assert!(each <= 16, "{each} bytes");
}
