//! `saola export` against the real service, and its Parquet in the hands of DuckDB and pandas.

use std::process::Command;
use std::time::Duration;

use saola::model::Timestamp;
use saola_sim::mqtt::{Options, Publisher, Qos};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::service::{DEADLINE, Province, Service, Wishes, credentials};

/// More than one row group of the Parquet.
const READINGS: usize = 70_000;
const A: &str = "Trạm-A/air_temperature";
const B: &str = "B/air_temperature";

/// Two stations with history: one of many readings a second apart, one of few and bad ones.
async fn with_history() -> (Service, Timestamp) {
    let stations = vec!["Trạm-A".to_owned(), "B".to_owned()];
    let province = Province::Weather { stations, rules: String::new() };
    let service = Service::start(&Wishes { province, config: String::new() }).await;
    let mut options = Options::new("history");
    options.credentials = Some(credentials());
    let publisher = Publisher::connect(&service.mqtt.to_string(), options).await.unwrap();
    let now = saola::clock::Clock::System.now().micros() / 1_000_000;
    let first = Timestamp::from_seconds(now - READINGS as i64 - 60);
    let reading = |number: usize, status: &str| {
        let at = first + Duration::from_secs(number as u64);
        // Eighths: exact in binary, so that sums do not depend on their order.
        format!("{{\"time\":\"{at}\",\"air_temperature\":{},\"status\":\"{status}\"}}", (number % 400) as f64 / 8.0)
    };
    for chunk in (0..READINGS).collect::<Vec<_>>().chunks(1_000) {
        let readings: Vec<String> = chunk.iter().map(|number| reading(*number, "measuring")).collect();
        let payload = format!("[{}]", readings.join(","));
        publisher.publish("saola/v1/Trạm-A", payload.as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    for number in [3, 4_000, 50_000] {
        let status = if number == 4_000 { "fault" } else { "measuring" };
        publisher.publish("saola/v1/B", reading(number, status).as_bytes(), Qos::AtLeastOnce).await.unwrap();
    }
    assert!(publisher.settled(DEADLINE).await);
    service.ledger_of("edge", 73).await;
    (service, first)
}

async fn export(service: &Service, name: &str, more: &[&str]) -> Value {
    let out = service.file(name);
    let arguments = [&["export", "--out", out.to_str().unwrap()], more].concat();
    let done = service.command(&arguments).await;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{arguments:?}: {said}");
    assert!(done.stdout.is_empty() && !said.contains('\r'), "quiet when nobody looks on: {said}");
    let manifest = std::fs::read_to_string(service.file(&format!("{name}.manifest.json"))).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let bytes = std::fs::read(&out).unwrap();
    let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&manifest["sha256"], &manifest["bytes"]), (&json!(hex), &json!(bytes.len())));
    manifest
}

/// What DuckDB and pandas say of an export, after every row was compared with the same as NDJSON.
async fn read_by_others(service: &Service, name: &str, arguments: &[&str]) -> Value {
    let files = ["parquet", "ndjson"].map(|format| (format, format!("{name}.{format}")));
    for (format, file) in &files {
        export(service, file, &[arguments, &["--format", format]].concat()).await;
    }
    let python = std::env::var("SAOLA_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/read_parquet.py"));
    command.args(files.map(|(_, file)| service.file(&file)));
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parquet_opens_in_duckdb_and_pandas_with_the_same_rows() {
    let (mut service, first) = with_history().await;
    // An end in the past: two exports are made at two times.
    let (from, to) = (first.to_string(), (first + Duration::from_secs(READINGS as u64)).to_string());
    let both = ["--channel", A, "--channel", B, "--from", &from, "--to", &to];
    let raw = read_by_others(&service, "raw", &both).await;
    assert_eq!(raw["rows"], READINGS + 3);
    let types =
        json!({"time": "TIMESTAMP WITH TIME ZONE", "channel": "VARCHAR", "value": "DOUBLE", "quality": "VARCHAR"});
    assert_eq!(raw["duckdb"], types);
    assert_eq!((&raw["pandas"]["time"], &raw["pandas"]["value"]), (&json!("datetime64[us, UTC]"), &json!("float64")));

    let hours = ["--every", "1h", "--fn", "mean,p95,exceedance_hours", "--above", "45", "--tz", "Europe/London"];
    let hours = read_by_others(&service, "hours", &[&both[..], &hours].concat()).await;
    let kinds =
        ["p95", "count", "completeness", "worst_quality", "end", "partial"].map(|name| hours["duckdb"][name].clone());
    assert_eq!(
        kinds,
        ["DOUBLE", "BIGINT", "DOUBLE", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "BOOLEAN"].map(Value::from)
    );

    let compared = ["--every", "3h", "--fn", "delta", "--compare", "-6h", "--quality", "all"];
    let compared = read_by_others(&service, "compared", &[&both[..], &compared].concat()).await;
    assert_eq!(compared["duckdb"]["compare_time"], "TIMESTAMP WITH TIME ZONE");
    let nothing =
        read_by_others(&service, "nothing", &["--channel", B, "--from", "2010-01-01", "--to", "2010-01-02"]).await;
    assert_eq!(nothing["rows"], 0);
    assert_eq!(service.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_whole_with_its_manifest_or_it_is_not() {
    let (mut service, first) = with_history().await;
    let from = first.to_string();
    let manifest = export(&service, "a.csv", &["--channel", A, "--from", &from, "--tz", "UTC", "--bom"]).await;
    assert_eq!(
        (&manifest["rows"], &manifest["tz"], &manifest["quality"]),
        (&json!(READINGS), &json!("UTC"), &json!("all"))
    );
    assert_eq!(manifest["channels"], json!([{"channel": A, "unit": "Cel", "tier": "raw"}]));
    assert!(manifest["query"].as_str().unwrap().starts_with("/api/v1/history?format=csv&channel=Tr%E1%BA%A1m-A%2Fair"));
    let text = std::fs::read_to_string(service.file("a.csv")).unwrap();
    assert!(text.starts_with("\u{feff}time,value,quality\r\n"));
    assert_eq!(text.lines().count(), READINGS + 1);

    // Without a file it goes to the next program.
    let piped = service
        .command(&["export", "--channel", B, "--from", &from, "--every", "1d", "--format", "ndjson", "--fn", "count"])
        .await;
    assert!(piped.status.success() && piped.stderr.is_empty(), "{}", String::from_utf8_lossy(&piped.stderr));
    let counts = String::from_utf8(piped.stdout).unwrap();
    let counts = counts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 2);

    // What goes wrong leaves nothing behind, and what was there as it was.
    let failing: [(&[&str], &str); 3] = [
        (&["--channel", "nobody/x", "--from", &from], "there is no channel"),
        (&["--channel", A, "--from", &from, "--every", "1s"], "is not a length such as 15m"),
        (&["--channel", A, "--from", "1990-01-01", "--every", "1m"], "too_costly"),
    ];
    for (arguments, says) in failing {
        let out = service.file("a.csv");
        let done = service.command(&[&["export", "--out", out.to_str().unwrap()], arguments].concat()).await;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(says), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(service.file("a.csv")).unwrap(), text);
    assert!(!service.file("a.csv.part").exists());
    service.kill();
    let done = service.command(&["export", "--channel", A, "--from", &from, "--out", "b.csv"]).await;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("is `saola run` running there?"), "{said}");
    assert!(!service.file("b.csv").exists() && !service.file("b.csv.part").exists());
}
