//! Ways in other than MQTT, through the real service: folders and requests, killed, refused, replayed.

use std::fs;

use saola::model::Timestamp;
use serde_json::{Value, json};

use crate::http_client::asking;
use crate::mosquitto::Mosquitto;
use crate::service::{Province, Service, Wishes, credentials};
use crate::wait::eventually;
use saola_sim::mqtt::{Options, Publisher, Qos};

const INTAKE: &str = "[intake]\npoll = \"100ms\"\nsettle = \"200ms\"\nsettle_open = \"500ms\"\n";

fn stations(names: &[&str]) -> Wishes {
    let stations = names.iter().map(|name| (*name).to_owned()).collect();
    Wishes { province: Province::Weather { stations, rules: String::new() }, config: String::new() }
}

/// A service with more sections than it can be given before its folder is known.
async fn service(wishes: &Wishes, sections: impl Fn(&Service) -> String) -> Service {
    let mut service = Service::start(wishes).await;
    service.terminate();
    service.append_config(&sections(&service));
    service.start_again().await;
    service
}

fn counts(entry: &Value) -> [u64; 4] {
    ["received", "stored", "duplicate", "rejected"].map(|key| entry[key].as_u64().unwrap())
}

fn folder_section(service: &Service) -> String {
    let folder = service.file("ftp");
    fs::create_dir_all(&folder).unwrap();
    format!(
        "{INTAKE}[[source]]\nname = \"ftp\"\nfrom = [\"files\"]\nfolder = {folder:?}\ntopic = \"#\"\n\
         decoder = \"station_file\"\nstations = {{ LC_1 = \"WX-MỘT\" }}\n\
         names = {{ \"Temp\" = {{ property = \"air_temperature\", unit = \"Cel\" }} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stations_file_comes_to_the_history_and_is_put_away() {
    let service = service(&stations(&["WX-MỘT"]), folder_section).await;
    let time = |minute: u32| format!("202604061430{minute:02}");
    let rows = format!("Temp\t21,5\toC\t{}\t00\r\nTemp\t22.5\toC\t{}\t01\r\n", time(0), time(5));
    fs::write(service.file("ftp/LC_1_20260406143000.txt"), rows).unwrap();
    let unknown = format!("Temp\t23\toC\t{}\t00\nCOD\t1\tmg/L\t{}\t00\n", time(10), time(10));
    fs::write(service.file("ftp/.LC_1_20260406143010.txt.part"), unknown).unwrap();
    fs::rename(service.file("ftp/.LC_1_20260406143010.txt.part"), service.file("ftp/LC_1_20260406143010.txt")).unwrap();
    assert_eq!(counts(&service.ledger_of("ftp", 4).await), [4, 3, 0, 1]);
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let expected =
        [(at("2026-04-06T07:30:00Z"), 21.5), (at("2026-04-06T07:30:05Z"), 22.5), (at("2026-04-06T07:30:10Z"), 23.0)];
    assert_eq!(service.history("WX-M%E1%BB%98T/air_temperature").await, expected);
    eventually("the files to be put away", async || {
        (service.file("ftp/done/LC_1_20260406143000.txt").exists()
            && service.file("ftp/failed/LC_1_20260406143010.txt").exists())
        .then_some(())
    })
    .await;
    let report = fs::read_to_string(service.file("ftp/failed/LC_1_20260406143010.txt.report.txt")).unwrap();
    assert!(report.contains("line 2: unknown_property: \"COD\""), "{report}");

    // The row waits among the dead letters until the section has its symbol.
    let letters = service.get("/api/v1/dead-letters?source=ftp").await;
    let letter = &letters["dead_letters"][0];
    let row = format!("COD\t1\tmg/L\t{}\t00", time(10));
    assert_eq!((&letter["topic"], &letter["preview"]), (&json!("LC_1_20260406143010.txt"), &json!(row)));
    let mut service = service;
    let id = letter["id"].as_str().unwrap().to_owned();
    service.terminate();
    service.change_config(
        "names = { \"Temp\"",
        "names = { COD = { property = \"air_temperature\", unit = \"Cel\" }, \"Temp\"",
    );
    service.start_again().await;
    let replayed = service.command(&["dead-letters", "replay", &id]).await;
    assert!(replayed.status.success(), "{replayed:?}");
    // The line says mg/L, which no temperature is measured in: its reason is another one now.
    assert_eq!(counts(&service.ledger_of("ftp", 5).await), [5, 3, 0, 2]);
    let letters = service.get("/api/v1/dead-letters?source=ftp&reason=wrong_unit").await;
    assert_eq!(letters["dead_letters"].as_array().unwrap().len(), 1, "{letters}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_no_row_of_a_folder_is_lost_or_kept_twice() {
    const FILES: usize = 40;
    const ROWS: usize = 200;
    let mut service = service(&stations(&["WX-MỘT"]), folder_section).await;
    let time = |number: usize| {
        let (day, rest) = (number / 86_400, number % 86_400);
        format!("202604{:02}{:02}{:02}{:02}", 1 + day, rest / 3_600, rest / 60 % 60, rest % 60)
    };
    for file in 0..FILES {
        let rows = (0..ROWS).map(|row| {
            let number = file * ROWS + row;
            format!("Temp\t{}\toC\t{}\t00\n", number % 50, time(number))
        });
        let name = format!("LC_1_202604060000{file:02}.txt");
        fs::write(service.file(&format!("ftp/{name}.part")), rows.collect::<String>()).unwrap();
        fs::rename(service.file(&format!("ftp/{name}.part")), service.file(&format!("ftp/{name}"))).unwrap();
        if file % 8 == 7 {
            // At whatever it is doing then: the moments differ from kill to kill.
            eventually("something to be read", async || {
                (service.get("/api/v1/ledger").await["total"]["received"].as_u64()? > (file * 40) as u64).then_some(())
            })
            .await;
            service.kill();
            service.start_again().await;
        }
    }
    eventually("every file to be put away", async || {
        let done = fs::read_dir(service.file("ftp/done")).ok()?.count();
        (done == FILES).then_some(())
    })
    .await;
    let entry = service.ledger_of("ftp", (FILES * ROWS) as u64).await;
    let [received, stored, duplicate, rejected] = counts(&entry);
    assert_eq!((stored, rejected, received), ((FILES * ROWS) as u64, 0, stored + duplicate), "{entry}");
    let history = service.history("WX-M%E1%BB%98T/air_temperature").await;
    assert_eq!(history.len(), FILES * ROWS);
    assert!(history.iter().enumerate().all(|(number, (_, value))| *value == (number % 50) as f64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_taken_away_makes_the_service_unready_until_it_is_back() {
    let service = service(&stations(&["WX-MỘT"]), folder_section).await;
    let check = async || {
        let answer: Value = serde_json::from_str(&service.ask("/readyz").await.text().await.unwrap()).unwrap();
        let checks = answer["checks"].as_array().unwrap();
        checks.iter().find(|check| check["part"] == "folder ftp").unwrap().clone()
    };
    eventually("the folder to be ready", async || (check().await["ready"] == true).then_some(())).await;
    fs::rename(service.file("ftp"), service.file("away")).unwrap();
    eventually("the folder to be missed", async || {
        let check = check().await;
        (check["ready"] == false && check["detail"].as_str().unwrap().contains("cannot be looked into")).then_some(())
    })
    .await;
    fs::rename(service.file("away"), service.file("ftp")).unwrap();
    eventually("the folder to be ready again", async || (check().await["ready"] == true).then_some(())).await;
}

/// The service with three sources that take requests, and their token.
async fn with_hooks(limits: &str) -> (Service, String) {
    let token = std::sync::Mutex::new(String::new());
    let service = service(&stations(&["WX-MỘT", "WX-2"]), |service| {
        let made = service.command_now(&["token", "source"]);
        let line = |from: &str| made.lines().find_map(|line| line.strip_prefix(from)).unwrap().trim().to_owned();
        *token.lock().unwrap() = line("the sender's token:");
        let hash = line("for the section:");
        let common = format!("from = [\"http\"]\n{hash}\ntopic = \"#\"\nunlisted = \"ignore\"\n");
        let celsius = "{ property = \"air_temperature\", unit = \"Cel\" }";
        format!(
            "[intake]\n{limits}\n[[source]]\nname = \"chirpstack\"\n{common}decoder = \"chirpstack_v4\"\n\
             stations = {{ 0101010101010101 = \"WX-MỘT\" }}\nnames = {{ \"temperatureSensor.1\" = {celsius} }}\n\
             [[source]]\nname = \"telegraf\"\n{common}decoder = \"line_protocol\"\ndevice_at = \"host\"\n\
             time_format = \"seconds\"\nnames = {{ \"weather.t\" = {celsius} }}\n\
             [[source]]\nname = \"orion\"\n{common}decoder = \"ngsi\"\nstations = {{ \"urn:ngsi:1\" = \"WX-2\" }}\n\
             names = {{ temperature = {celsius} }}\n"
        )
    })
    .await;
    let token = token.lock().unwrap().clone();
    (service, token)
}

async fn push(
    service: &Service,
    path: &str,
    token: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> (u16, Value, String) {
    let mut request = asking().post(format!("http://{}/api/v1/intake/{path}", service.http)).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    let retry = answer.headers().get("retry-after").map_or("", |value| value.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), answer.json().await.unwrap(), retry)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_push_is_on_disk_when_it_is_answered() {
    let (mut service, token) = with_hooks("").await;
    let uplink = r#"{"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-04-06T07:30:00Z","deviceInfo":{"devEui":"0101010101010101"},"devAddr":"00189440","fCnt":10,"object":{"temperatureSensor":{"1":25.5}}}"#;
    let (status, body, _) = push(&service, "chirpstack?event=up", Some(&token), uplink).await;
    let expected = json!({"received": 1, "stored": 1, "duplicate": 0, "rejected": 0, "rejections": [], "journaled_as": body["journaled_as"]});
    assert_eq!((status, &body), (200, &expected));
    let lines = "weather,host=WX-2 t=1 1775460600\nweather,host=WX-2 t=2 1775460601\nweather,host=ai t=3 1775460600\n";
    let (status, body, _) = push(&service, "telegraf", Some(&token), lines).await;
    assert_eq!((status, counts(&body)), (200, [3, 2, 0, 1]), "{body}");
    assert_eq!(body["rejections"][0]["reason"], "unknown_station");
    let notification = r#"{"id":"urn:n:1","type":"Notification","subscriptionId":"urn:s:1","data":[{"id":"urn:ngsi:1","type":"Weather","temperature":{"type":"Property","value":3,"observedAt":"2026-04-06T07:30:02Z"}}]}"#;
    let (status, body, _) = push(&service, "orion", Some(&token), notification).await;
    assert_eq!((status, counts(&body)), (200, [1, 1, 0, 0]), "{body}");
    // At the very moment of the answer.
    service.kill();
    service.start_again().await;
    assert_eq!(counts(&service.ledger_of("telegraf", 1).await), [3, 2, 0, 1]);
    let at = |second: i64| Timestamp::from_seconds(1_775_460_600 + second);
    assert_eq!(service.history("WX-M%E1%BB%98T/air_temperature").await, [(at(0), 25.5)]);
    assert_eq!(service.history("WX-2/air_temperature").await, [(at(0), 1.0), (at(1), 2.0), (at(2), 3.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_message_is_kept_and_answered_so_that_it_is_not_sent_again() {
    let (mut service, token) = with_hooks("").await;
    for body in [b"".to_vec(), b"{".to_vec(), vec![0xff; 1_000], b"[[[[".repeat(1_000)] {
        let (status, answer, _) = push(&service, "chirpstack", Some(&token), body).await;
        assert_eq!((status, counts(&answer)), (200, [1, 0, 0, 1]), "{answer}");
        assert_eq!(answer["rejections"].as_array().unwrap().len(), 1);
    }
    assert_eq!(counts(&service.ledger_of("chirpstack", 4).await), [4, 0, 0, 4]);
    // A mapping is mended, and the message that it refused goes its way.
    let line = "weather,host=trạm\\ 2 t=7 1775460600";
    let (_, answer, _) = push(&service, "telegraf", Some(&token), line).await;
    let id = answer["journaled_as"].as_str().unwrap().to_owned();
    service.ledger_of("telegraf", 1).await;
    let letter = service.dead_letter(&id).await;
    assert_eq!((&letter["text"], &letter["source"]), (&json!(line), &json!("telegraf")));
    service.terminate();
    service
        .change_config("time_format = \"seconds\"", "time_format = \"seconds\"\nstations = { \"trạm 2\" = \"WX-2\" }");
    service.start_again().await;
    let replayed = service.post(&format!("/api/v1/dead-letters/{id}/replay")).await;
    assert!(replayed.status().is_success(), "{replayed:?}");
    assert_eq!(counts(&service.ledger_of("telegraf", 2).await), [2, 1, 0, 1]);
    assert_eq!(service.history("WX-2/air_temperature").await, [(Timestamp::from_seconds(1_775_460_600), 7.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_floods_are_refused_before_anything_is_kept() {
    let (service, token) = with_hooks("request_bytes_max = 1024\nrequests_per_second = 5").await;
    let check = async |path: &str, token: Option<&str>, body: Vec<u8>, status: u16, code: &str| {
        let (found, answer, retry) = push(&service, path, token, body).await;
        assert_eq!((found, answer["code"].as_str().unwrap()), (status, code), "{path} {answer}");
        retry
    };
    check("nobody", Some(&token), vec![], 404, "not_found").await;
    check("edge", Some(&token), vec![], 404, "not_found").await;
    check("telegraf", None, vec![], 401, "unauthenticated").await;
    check("telegraf", Some(&token[1..]), vec![], 401, "unauthenticated").await;
    check("telegraf", Some(&token), vec![b' '; 1_025], 413, "body_too_large").await;
    let unannounced =
        reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(" ".repeat(1_025))]));
    let (status, answer, _) = push(&service, "telegraf", Some(&token), unannounced).await;
    assert_eq!((status, &answer["code"]), (413, &json!("body_too_large")));
    check("telegraf?topic=a%23", Some(&token), vec![], 400, "invalid_parameter").await;
    check("telegraf?colour=red", Some(&token), vec![], 400, "unknown_parameter").await;
    let client = asking();
    let address = format!("http://{}/api/v1/intake/telegraf", service.http);
    let packed = client.post(&address).header("x-saola-token", &token).header("content-encoding", "gzip").body("x");
    assert_eq!(packed.send().await.unwrap().status(), 415);
    let mut refused = 0;
    for _ in 0..30 {
        let (status, answer, retry) = push(&service, "orion", Some(&token), "{}").await;
        if status == 429 {
            assert_eq!((&answer["code"], retry.as_str()), (&json!("too_many_requests"), "1"));
            refused += 1;
        }
    }
    assert!(refused > 0, "ten at once, five a second");
    let entry = service.ledger_of("orion", 1).await;
    assert_eq!(entry["messages"].as_u64().unwrap(), 30 - refused, "what was refused was not kept");
    let ledger = service.get("/api/v1/ledger").await;
    let telegraf = ledger["sources"].as_array().unwrap().iter().find(|entry| entry["source"] == "telegraf").cloned();
    assert!(telegraf.is_none_or(|entry| entry["received"] == 0), "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_brokers_at_once_are_read_and_told_apart() {
    let (north, south) = (Mosquitto::start().await, Mosquitto::start().await);
    let section = |broker: &Mosquitto, name: &str| broker.section().replace("\"mosquitto\"", &format!("\"{name}\""));
    let service = service(&stations(&["WX-1", "WX-2"]), |_| {
        let source = |name: &str, broker: &str, unit: &str| {
            format!(
                "[[source]]\nname = \"{name}\"\nfrom = [\"{broker}\"]\ntopic = \"t/{{device}}\"\ndecoder = \"json\"\n\
                 names = {{ \"/t\" = {{ property = \"air_temperature\", unit = \"{unit}\" }} }}\n"
            )
        };
        [
            section(&north, "north"),
            section(&south, "south"),
            source("a", "north", "Cel"),
            source("b", "south", "[degF]"),
        ]
        .concat()
    })
    .await;
    service.reads_from("north").await;
    service.reads_from("south").await;
    let of_north = Publisher::connect(&north.address(), Options::new("publisher")).await.unwrap();
    let of_south = Publisher::connect(&south.address(), Options::new("publisher")).await.unwrap();
    of_north.publish("t/WX-1", b"{\"t\":20}", Qos::AtLeastOnce).await.unwrap();
    of_south.publish("t/WX-2", b"{\"t\":68}", Qos::AtLeastOnce).await.unwrap();
    assert_eq!(counts(&service.ledger_of("a", 1).await), [1, 1, 0, 0]);
    assert_eq!(counts(&service.ledger_of("b", 1).await), [1, 1, 0, 0]);
    for station in ["WX-1", "WX-2"] {
        let history = service.history(&format!("{station}/air_temperature")).await;
        assert_eq!(history.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [20.0], "{station}");
    }
    // One of them goes; the other is read on.
    drop(north);
    eventually("the loss to be told", async || (service.ask("/readyz").await.status() == 503).then_some(())).await;
    of_south.publish("t/WX-2", b"{\"t\":50}", Qos::AtLeastOnce).await.unwrap();
    assert_eq!(counts(&service.ledger_of("b", 2).await), [2, 2, 0, 0]);
}

/// The first second of a local day, and the days behind it, as loggers write times.
fn local(day: u32, minute: u32) -> String {
    let (month, day) = if day < 28 { (2, day + 1) } else { (3, day - 27) };
    format!("2026{month:02}{day:02}{:02}{:02}00", minute / 60, minute % 60)
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_days_from_a_loggers_memory_alarm_nobody_and_heal_the_rollups() {
    const DAYS: u32 = 58;
    const ROWS_A_DAY: u32 = 288;
    let rules = "[[rule]]\nname = 'heat'\ntitle = { vi = 'Nóng', en = 'Heat' }\nproperty = 'air_temperature'\n\
                 unit = 'Cel'\nlevels = [{ severity = 'medium', above = 30, clear = 28 }]\n";
    let wishes = Wishes {
        province: Province::Weather {
            stations: vec!["WX-MỘT".to_owned(), "WX-2".to_owned()], rules: rules.to_owned()
        },
        config: String::new(),
    };
    let service = service(&wishes, folder_section).await;
    let daily = async || {
        let path = "/api/v1/history?channel=WX-M%E1%BB%98T/air_temperature&from=2026-02-01T00:00:00%2B07:00\
                    &to=2026-03-31T00:00:00%2B07:00&every=1d&fn=mean";
        let answer = service.get(path).await;
        let buckets = answer["channels"][0]["buckets"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let counts: Vec<u64> = buckets.iter().map(|bucket| bucket["count"].as_u64().unwrap()).collect();
        counts
    };
    let mut options = Options::new("live");
    options.credentials = Some(credentials());
    let live = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    // The days are asked for before their rows are there: what was counted then must not stay.
    live.publish("saola/v1/WX-2", b"{\"air_temperature\":20}", Qos::AtLeastOnce).await.unwrap();
    assert_eq!(daily().await.iter().sum::<u64>(), 0);
    for day in 0..DAYS {
        let rows = (0..ROWS_A_DAY).map(|row| format!("Temp\t45\toC\t{}\t00\r\n", local(day, row * 5)));
        let name = format!("LC_1_{}.txt", local(day, 0));
        fs::write(service.file(&format!("ftp/{name}.part")), rows.collect::<String>()).unwrap();
        fs::rename(service.file(&format!("ftp/{name}.part")), service.file(&format!("ftp/{name}"))).unwrap();
        live.publish("saola/v1/WX-2", b"{\"air_temperature\":20}", Qos::AtLeastOnce).await.unwrap();
    }
    let entry = service.ledger_of("ftp", u64::from(DAYS * ROWS_A_DAY)).await;
    assert_eq!(counts(&entry), [u64::from(DAYS * ROWS_A_DAY), u64::from(DAYS * ROWS_A_DAY), 0, 0]);
    assert_eq!(daily().await, vec![u64::from(ROWS_A_DAY); DAYS as usize]);
    let alerts = async || service.get("/api/v1/alerts").await["alerts"].as_array().unwrap().len();
    assert_eq!(alerts().await, 0, "45 degrees in February alarm nobody in November");
    assert_eq!(counts(&service.ledger_of("edge", u64::from(DAYS) + 1).await)[1], u64::from(DAYS) + 1);
    // The same rule does hear what is live.
    live.publish("saola/v1/WX-2", b"{\"air_temperature\":45}", Qos::AtLeastOnce).await.unwrap();
    eventually("the alert", async || (alerts().await == 1).then_some(())).await;
}
