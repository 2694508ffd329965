//! Every channel against a scripted other side: signatures, keys, one SMS, mail that cannot be injected into, a browser
//! that is gone, addresses that must not be reached.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use saola::clock::Clock;
use saola::model::{PersonId, Severity};
use saola::notify::config::{Config, ContentType, Form, Gateway, Mail, Push, Security};
use saola::notify::people::Wished;
use saola::notify::person::Subscription;
use saola::notify::send::signature;
use saola::notify::texts::Language;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::bench::{NOW, Pair, Receiver, SECRET, begin, config, entries, new_state, sample, takes_all, time_of};
use crate::wait::eventually;

fn person(id: &str, contacts: &[(&str, &str)]) -> Wished {
    Wished {
        id: PersonId(id.into()),
        name: format!("Lò Thị\r\nBcc: evil@example.vn {id}"),
        account: None,
        contacts: contacts.iter().map(|(channel, address)| ((*channel).to_owned(), (*address).to_owned())).collect(),
        subscriptions: vec![Subscription {
            least_severity: Severity::Medium,
            languages: vec![Language::Vi, Language::En],
            ..Subscription::default()
        }],
    }
}

async fn told(pair: &Pair) {
    eventually("everything to be told", async || (pair.waiting() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_signed_and_says_everything() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), receiver.address, &["hook"]);
    let mut pair = Pair::open(folder.path(), &config, Clock::manual(NOW), new_state());
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0), sample(0, time_of(4), 1.0)]));
    told(&pair).await;
    // Both were queued in one batch, so the raise had not been taken up: nobody needs to hear of either.
    assert!(pair.deliveries().iter().all(|row| row.state.word() == "withdrawn"), "{:?}", pair.deliveries());
    pair.take(&entries(5, [sample(0, time_of(5), 30.0)]));
    told(&pair).await;
    pair.take(&entries(6, [sample(0, time_of(6), 1.0)]));
    told(&pair).await;
    let received = receiver.of("hook");
    let kinds: Vec<String> = received.iter().map(|one| one.json()["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["raised", "resolved"]);
    for one in &received {
        let header = |name: &str| one.headers.get(name).unwrap().to_str().unwrap().to_owned();
        let signed_at: i64 = header("x-saola-timestamp").parse().unwrap();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        assert_eq!(header("x-saola-signature"), format!("v1={}", signature(&secret, signed_at, &one.body)));
        assert_eq!(one.json()["key"].as_str().unwrap(), one.key);
    }
    let first = received[0].json();
    assert_eq!((first["alert"]["value"].as_f64(), first["alert"]["threshold"].as_f64()), (Some(30.0), Some(10.0)));
    assert!(first["text"].as_str().unwrap().starts_with("CẢNH BÁO: Nóng, mức 3/5 (da cam)\nTại Trạm 0 (S-0)"));
    let (outbox, key) = (pair.desk.outbox(), &received[0].key);
    assert!(outbox.is_token(key, first["report_token"].as_str().unwrap()));
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_one_sms_and_one_telegram_that_are_nothing_but_texts() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = |name: &str, form, content_type, body: &str| Gateway {
        name: name.to_owned(),
        form,
        url: format!("http://{}/{name}?to={{address}}", receiver.address),
        content_type,
        body: body.to_owned(),
        ..Gateway::default()
    };
    let config = Config {
        gateways: vec![
            gateway("sms", Form::Sms, ContentType::Form, "to={address}&text={text}&ref={key}"),
            gateway("telegram", Form::Text, ContentType::Json, r#"{"chat_id":"{address}","text":"{text}"}"#),
        ],
        webhooks: Vec::new(),
        ..config(folder.path(), receiver.address, &[])
    };
    let mut pair = Pair::open(folder.path(), &config, Clock::manual(NOW), new_state());
    pair.people.add(&person("lan", &[("sms", "+84 9&to=1"), ("telegram", "\"},{\"x\":\"")]), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    let sms = receiver.of("sms");
    let form = String::from_utf8(sms[0].body.clone()).unwrap();
    assert!(
        form.starts_with("to=%2B84%209%26to%3D1&text=CANH%20BAO%20M3%2F5%20da%20cam%3A%20Nong%3B%20Tram%200"),
        "{form}"
    );
    let chat = receiver.of("telegram")[0].json();
    assert_eq!(chat["chat_id"], "\"},{\"x\":\"");
    assert!(chat["text"].as_str().unwrap().contains("\nWGS 84: 22.30000, 103.40000\n"));
    let row = pair.deliveries().into_iter().find(|row| row.channel == "sms").unwrap();
    assert!(row.text.unwrap().starts_with("CẢNH BÁO: Nóng"), "the original is kept");
    assert!(row.sent_text.unwrap().len() <= 160);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_inside_is_refused_and_the_refusal_is_seen() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let allowed = config(folder.path(), receiver.address, &["literal", "named"]);
    let mut config = Config { private_networks: Vec::new(), ..allowed };
    config.webhooks[1].url = format!("http://localhost:{}/named", receiver.address.port());
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    for row in pair.deliveries() {
        assert_eq!(row.state.word(), "failed");
        assert!(row.error.as_deref().unwrap().contains("requests to private addresses are refused"), "{row:?}");
    }
    assert!(receiver.accepted.lock().is_empty() && receiver.refused.lock().is_empty());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_not_followed() {
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "first" => (StatusCode::FOUND, Duration::ZERO),
        _ => (StatusCode::OK, Duration::ZERO),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let mut pair =
        Pair::open(folder.path(), &config(folder.path(), receiver.address, &["first"]), Clock::System, new_state());
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    eventually("the refusal to be noted", async || {
        let error = pair.deliveries()[0].error.clone();
        error.filter(|error| error == "answered 302: redirects are not followed")
    })
    .await;
}

/// A mail server that refuses the first letter and takes the next; gives what it took.
async fn mail_server() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taken: Arc<Mutex<Vec<String>>> = Arc::default();
    let letters = taken.clone();
    tokio::spawn(async move {
        for count in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let letters = letters.clone();
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                let mut letter: Option<String> = None;
                write.write_all(b"220 test\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer = match (&mut letter, line.split(' ').next().unwrap_or_default()) {
                        (Some(text), ".") => {
                            letters.lock().push(std::mem::take(text));
                            letter = None;
                            "250 taken\r\n"
                        }
                        (Some(text), _) => {
                            text.push_str(&line);
                            text.push('\n');
                            continue;
                        }
                        (None, "EHLO") => "250 8BITMIME\r\n",
                        (None, "MAIL") if count == 0 => "451 come later\r\n",
                        (None, "DATA") => {
                            letter = Some(String::new());
                            "354 go on\r\n"
                        }
                        (None, "QUIT") => "221 bye\r\n",
                        _ => "250 ok\r\n",
                    };
                    if write.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_tried_again_and_nothing_can_be_put_into_its_headers() {
    let (port, taken) = mail_server().await;
    let folder = tempfile::tempdir().unwrap();
    let mail = Mail {
        host: "127.0.0.1".to_owned(),
        port,
        security: Security::None,
        from: "Saola <saola@example.vn>".to_owned(),
        ..Mail::default()
    };
    let config = Config { mail: Some(mail), private_networks: vec!["127.0.0.0/8".to_owned()], ..Config::default() };
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    pair.people.add(&person("lan", &[("mail", "lan@example.vn")]), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    let row = pair.deliveries().remove(0);
    assert_eq!((row.state.word(), row.attempts), ("sent", 2));
    let letters = taken.lock().clone();
    let (head, body) = letters[0].split_once("\n\n").unwrap();
    assert!(head.contains(&format!("Message-ID: <{}@example.vn>", row.key)), "{head}");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    assert!(head.lines().any(|line| line.starts_with("To: ")), "{head}");
    assert!(!body.trim().is_empty());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_that_is_removed_gets_nothing_any_more() {
    let receiver = Receiver::start(|_| (StatusCode::SERVICE_UNAVAILABLE, Duration::ZERO)).await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway {
        name: "chat".to_owned(),
        url: format!("http://{}/chat", receiver.address),
        body: "{text}".to_owned(),
        content_type: ContentType::Plain,
        ..Gateway::default()
    };
    let config = Config { gateways: vec![gateway], ..config(folder.path(), receiver.address, &[]) };
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    pair.people.add(&person("lan", &[("chat", "1")]), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    eventually("a first try", async || (!receiver.refused.lock().is_empty()).then_some(())).await;
    pair.people.remove(&PersonId("lan".into())).unwrap();
    told(&pair).await;
    let row = pair.deliveries().remove(0);
    assert_eq!((row.state.word(), row.error.as_deref()), ("failed", Some("the contact was removed")));
    pair.stop().await;
}

/// A browser's subscription, as its page gives it.
fn browser(endpoint: &str) -> String {
    let random = ring::rand::SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
    let (p256dh, auth) = (URL_SAFE_NO_PAD.encode(pair.public_key()), URL_SAFE_NO_PAD.encode([7; 16]));
    serde_json::json!({"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_inside_is_refused_like_any_request() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let push = Push { contact: "mailto:admin@example.vn".to_owned() };
    let allowed = config(folder.path(), receiver.address, &[]);
    let config = Config { push: Some(push), private_networks: Vec::new(), ..allowed };
    let mut pair = Pair::open(folder.path(), &config, Clock::System, new_state());
    let port = receiver.address.port();
    let addresses = ["127.0.0.1", "localhost"].map(|host| browser(&format!("http://{host}:{port}/push")));
    let contacts: Vec<(&str, &str)> = addresses.iter().map(|address| ("push", address.as_str())).collect();
    pair.people.add(&person("lan", &contacts), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    for row in pair.deliveries() {
        assert!(row.error.as_deref().unwrap().contains("requests to private addresses are refused"), "{row:?}");
    }
    assert!(receiver.accepted.lock().is_empty());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_its_service_calls_gone_is_forgotten_and_another_is_not() {
    let receiver = Receiver::start(|received| match received.lane.as_str() {
        "moved" => (StatusCode::NOT_FOUND, Duration::ZERO),
        "gone" => (StatusCode::GONE, Duration::ZERO),
        _ => (StatusCode::CREATED, Duration::ZERO),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let push = Push { contact: "mailto:admin@example.vn".to_owned() };
    let config = Config { push: Some(push), ..config(folder.path(), receiver.address, &[]) };
    let mut pair = Pair::open(folder.path(), &config, Clock::manual(NOW), new_state());
    let addresses = ["moved", "gone", "there"].map(|name| browser(&format!("http://{}/{name}", receiver.address)));
    let contacts: Vec<(&str, &str)> = addresses.iter().map(|address| ("push", address.as_str())).collect();
    pair.people.add(&person("lan", &contacts), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    let mut states: Vec<_> = pair.deliveries().into_iter().map(|row| (row.state.word(), row.error)).collect();
    states.sort();
    let failed = |code: u16| ("failed", Some(format!("answered {code}: its end-point is gone")));
    assert_eq!(states, [failed(404), failed(410), ("sent", None)]);
    let directory = pair.people.directory();
    let left: Vec<_> = directory.people()[0].contacts.iter().map(|contact| contact.address.as_str()).collect();
    assert_eq!(left, [addresses[2].as_str()]);
    // What follows goes to the browser that is there.
    pair.take(&entries(4, [sample(0, time_of(4), 1.0)]));
    told(&pair).await;
    assert_eq!(receiver.of("there").len(), 2);
    pair.stop().await;
}

/// The alerts that a webhook's document is about.
fn alerts(document: &serde_json::Value) -> Vec<String> {
    let name = |alert: &serde_json::Value| alert.as_str().unwrap().to_owned();
    match document["members"].as_array() {
        Some(members) => members.iter().map(|member| name(&member["alert"])).collect(),
        None => vec![name(&document["alert"]["id"])],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_is_refused_leaves_by_halves_down_to_the_one_that_is_at_fault() {
    let receiver = Receiver::start(|received| {
        let alerts = alerts(&received.json());
        let status = if alerts.len() > 3 {
            StatusCode::PAYLOAD_TOO_LARGE
        } else if alerts.iter().any(|alert| alert.contains("~S-7~")) {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        (status, Duration::ZERO)
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW);
    let config = config(folder.path(), receiver.address, &["hook"]);
    let mut pair = Pair::open(folder.path(), &config, clock.clone(), new_state());
    pair.take(&entries(1, begin(20)));
    pair.take(&entries(3, (0..20).map(|station| sample(station, time_of(3 + u64::from(station)), 20.0))));
    pair.run();
    let mut seconds = 0;
    eventually("everything to be sent or given up", async || {
        seconds += 10;
        clock.set(NOW + Duration::from_secs(seconds));
        pair.courier.ring();
        (pair.waiting() == 0).then_some(())
    })
    .await;
    let (sent, failed): (Vec<_>, Vec<_>) = pair.deliveries().into_iter().partition(|row| row.state.word() == "sent");
    assert_eq!((sent.len(), failed.len()), (19, 1));
    assert!(failed[0].alert.contains("~S-7~") && failed[0].error.as_deref() == Some("answered 422"), "{failed:?}");
    let mut told: Vec<String> = receiver.of("hook").iter().flat_map(|one| one.members()).collect();
    told.sort();
    let mut keys: Vec<String> = sent.into_iter().map(|row| row.key).collect();
    keys.sort();
    assert_eq!(told, keys, "each was told once");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_gets_no_more_letters_than_it_takes() {
    let receiver = Receiver::start(takes_all).await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway {
        name: "chat".to_owned(),
        url: format!("http://{}/chat", receiver.address),
        body: "{text}".to_owned(),
        content_type: ContentType::Plain,
        text_letters_max: Some(100),
        ..Gateway::default()
    };
    let config = Config { gateways: vec![gateway], ..config(folder.path(), receiver.address, &[]) };
    let mut pair = Pair::open(folder.path(), &config, Clock::manual(NOW), new_state());
    pair.people.add(&person("lan", &[("chat", "1")]), NOW).unwrap();
    pair.run();
    pair.take(&entries(1, begin(1)));
    pair.take(&entries(3, [sample(0, time_of(3), 20.0)]));
    told(&pair).await;
    let said = String::from_utf8(receiver.of("chat")[0].body.clone()).unwrap();
    assert!(said.chars().count() <= 100 && said.ends_with("\n…"), "{said}");
    let row = pair.deliveries().remove(0);
    assert!(row.text.unwrap().chars().count() > 100, "all of it is kept");
    assert_eq!(row.sent_text.as_deref(), Some(said.as_str()));
    pair.stop().await;
}
