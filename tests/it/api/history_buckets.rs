//! Buckets of the past over the API: shapes, comparison, cost, pages, manifest.

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use saola::history::Config as Limits;
use saola::model::Quality;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::house::{Answer, House, LEVEL, OLD, PM, RAIN, request};
use saola::api::{Config, Demo};

const DAY_S: u64 = 86_400;

/// Ten days of a sample every ten minutes, with the number of the ten minutes as its value; a fault now and then.
fn with_days() -> House {
    let house = House::demo();
    fill(&house);
    house
}

fn fill(house: &House) {
    for number in 0..1_440_u32 {
        let quality = if number % 100 == 7 { Quality::FAULT } else { Quality::GOOD };
        house.observe_as(LEVEL, 10 * DAY_S - u64::from(number) * 600, f64::from(number), quality);
    }
}

async fn get(house: &House, query: &str) -> Answer {
    let answer = house.get(&format!("/api/v1/history?channel=B-RIVER/water_level&{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer
}

#[tokio::test]
async fn a_bucket_tells_its_value_and_what_it_is_worth() {
    let house = House::demo();
    for (ago_s, value) in [(4_500, 1.0), (4_200, 3.0), (600, 10.0)] {
        house.observe(LEVEL, ago_s, value);
    }
    house.observe_as(LEVEL, 300, 900.0, Quality::CALIBRATING);
    let csv = get(&house, "every=1h&from=2026-11-21T08:30&format=csv").await;
    // 10:15 less 75 minutes is exactly 9:00.
    assert_eq!(
        csv.text(),
        "time,value,count,expected,completeness,worst_quality,left_out,end,partial\r\n\
         2026-11-21T08:30:00+07:00,,0,30,0,,0,2026-11-21T09:00:00+07:00,true\r\n\
         2026-11-21T09:00:00+07:00,2,2,60,0.03333333333333333,good,0,2026-11-21T10:00:00+07:00,false\r\n\
         2026-11-21T10:00:00+07:00,10,1,15,0.06666666666666667,calibrating,1,2026-11-21T10:15:00+07:00,true\r\n"
    );
    let all = get(&house, "every=1h&fn=max,count,p50&quality=all&from=2026-11-21T10:00&format=ndjson").await;
    let row: Value = serde_json::from_str(all.text().trim()).unwrap();
    let expected = json!({"time": "2026-11-21T10:00:00+07:00", "channel": "B-RIVER/water_level", "max": 900, "p50": 455,
        "count": 2, "expected": 15, "completeness": 2.0 / 15.0, "worst_quality": "calibrating", "left_out": 0,
        "end": "2026-11-21T10:15:00+07:00", "partial": true});
    assert_eq!(row, expected);
    let json = get(&house, "every=1d&fn=sum&tz=Europe/London").await.json();
    assert_eq!(
        (&json["every"], &json["tz"], &json["functions"]),
        (&json!("1d"), &json!("Europe/London"), &json!(["sum"]))
    );
    let series = &json["channels"][0];
    assert_eq!((&series["tier"], &series["unit"], &series["count"]), (&json!("hour"), &json!("m"), &json!(2)));
    assert_eq!(series["buckets"][1]["time"], "2026-11-21T00:00:00+00:00");
    assert_eq!(series["buckets"][1]["sum"], 14);
}

#[tokio::test]
async fn a_counter_adds_up_and_a_limit_is_counted_in_hours() {
    let house = with_days();
    let rows = async |query: &str, name: &str| -> Vec<f64> {
        let answer = get(&house, query).await.json();
        let buckets = answer["channels"][0]["buckets"].as_array().unwrap().clone();
        buckets.iter().filter_map(|bucket| bucket[name].as_f64()).collect()
    };
    let days = rows("every=1d&fn=delta&from=-9d", "delta").await;
    let hours = rows("every=3h&fn=delta&from=-9d", "delta").await;
    assert_eq!(days.iter().sum::<f64>(), hours.iter().sum::<f64>());
    assert_eq!(days.iter().sum::<f64>(), 9.0 * 144.0, "the step into the range belongs to it");
    // The channel's interval is a minute: that is how long each sample counts at most.
    let exceeded = rows("every=1d&fn=exceedance_hours&above=1399&from=-2d", "exceedance_hours").await;
    assert!((exceeded.iter().sum::<f64>() - 39.0 / 60.0).abs() < 1e-9, "{exceeded:?}");
    let below = rows("every=1d&fn=exceedance_hours&below=1e9&from=-2d", "exceedance_hours").await;
    assert!((below.iter().sum::<f64>() - (288.0 - 3.0) / 60.0).abs() < 1e-9, "{below:?}");
}

#[tokio::test]
async fn periods_are_compared_bucket_by_bucket() {
    let house = with_days();
    let csv = get(&house, "every=1d&fn=max&from=2026-11-19&to=2026-11-21&compare=-3d&format=csv").await;
    let expected = "time,max,count,expected,completeness,worst_quality,left_out,end,partial,compare_time,compare_max,\
        compare_count,compare_expected,compare_completeness,compare_worst_quality,difference_max";
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!(lines[0], expected);
    assert!(
        lines[1].starts_with("2026-11-19T00:00:00+07:00,") && lines[1].contains(",2026-11-16T00:00:00+07:00,"),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with(",432") && lines[2].ends_with(",432"), "{}", csv.text());
    let uneven =
        get(&house, "every=1d&fn=min&from=2026-11-19&to=2026-11-21&compare_from=2026-11-12&compare_to=2026-11-15")
            .await;
    let buckets = uneven.json()["channels"][0]["buckets"].clone();
    assert_eq!(buckets.as_array().unwrap().len(), 3);
    assert_eq!(
        (&buckets[2]["time"], &buckets[2]["min"], &buckets[2]["difference_min"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(buckets[2]["compare_time"], "2026-11-14T00:00:00+07:00");
    assert!(buckets[2]["compare_min"].is_number());
}

#[tokio::test]
async fn pages_of_buckets_are_the_whole() {
    let house = with_days();
    house.observe(PM, 7_000, 1.0);
    for query in [
        "fn=delta,exceedance_hours,mean&above=700&every=5h&from=-4d",
        "fn=delta&every=1d&from=-3d&compare_from=2026-11-11&compare_to=2026-11-16",
    ] {
        let path = format!("/api/v1/history?channel=B-RIVER/water_level,A-AIR/pm2_5&{query}");
        let whole = house.get(&format!("{path}&format=csv")).await;
        let (mut rows, mut next, mut pages) = (Vec::new(), format!("{path}&format=csv&limit=3"), 0);
        loop {
            let page = house.get(&next).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            rows.extend(page.text().lines().skip(1).map(str::to_owned));
            pages += 1;
            let link = page.header("link");
            if link.is_empty() {
                break;
            }
            next = format!("/api/v1/history{}", link.trim_start_matches('<').split('>').next().unwrap());
        }
        let expected: Vec<&str> = whole.text().lines().skip(1).collect();
        assert_eq!(rows, expected, "{query}");
        assert_eq!(pages, expected.len().div_ceil(3));
    }
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let house = with_days();
    let check = async |query: &str, code: &str, says: &str| {
        let answer = house.get(&format!("/api/v1/history?channel=B-RIVER/water_level&{query}")).await;
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{query}: {problem}");
    };
    check("every=1s", "invalid_parameter", "is not a length such as 15m").await;
    check("every=25h", "invalid_parameter", "up to 1440m, 24h").await;
    check("fn=mean", "invalid_parameter", "say how long with `every`").await;
    check("every=1h&fn=median", "invalid_parameter", "is not one of mean, min").await;
    check("every=1h&fn=max,max", "invalid_parameter", "asked for twice").await;
    check("every=1h&fn=exceedance_hours", "invalid_parameter", "above=45").await;
    check("every=1h&fn=exceedance_hours&above=1&below=2", "invalid_parameter", "either").await;
    check("every=1h&above=1", "invalid_parameter", "goes with fn=exceedance_hours").await;
    check("every=1h&fn=exceedance_hours&above=NaN", "invalid_parameter", "not a number").await;
    check("compare=-1y", "invalid_parameter", "buckets are compared").await;
    check("every=1d&compare=1y", "invalid_parameter", "such as -1y").await;
    check("every=1d&compare=-1y&compare_from=-1d&compare_to=now", "invalid_parameter", "either").await;
    check("every=1d&compare_from=-1d", "invalid_parameter", "go together").await;
    check("every=1d&bom=1", "invalid_parameter", "only a CSV").await;
    check("every=1d&from=0001-01-01T00:00:00Z", "invalid_parameter", "years 200").await;
    check("every=1d&quality=bad", "invalid_parameter", "good, all").await;
    check("every=1m&from=2000-01-01", "too_costly", "ask for longer buckets").await;
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read_and_raw_is_not() {
    let limits = Limits { samples_max: 1_000, buckets_max: 100, ..Limits::default() };
    let house = House::asking(Demo::Loopback, Config::default(), limits);
    fill(&house);
    let ask =
        async |query: &str| house.get(&format!("/api/v1/history?channel=B-RIVER/water_level&from=-10d&{query}")).await;
    let refused = ask("every=1d&fn=p95").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("percentiles") && detail.contains("shorter range") && detail.contains("saola export"),
        "{detail}"
    );
    assert_eq!(ask("every=1d&fn=mean").await.status, StatusCode::OK, "tallies are few");
    assert_eq!(ask("every=1h").await.status, StatusCode::UNPROCESSABLE_ENTITY, "241 buckets");
    assert_eq!(ask("").await.json()["channels"][0]["count"], 1_440);
}

#[tokio::test]
async fn the_manifest_counts_what_was_sent() {
    let house = with_days();
    for (format, more, rows) in
        [("csv", "&bom=1", "241"), ("ndjson", "", "241"), ("parquet", "", "241"), ("csv", "&limit=7", "7")]
    {
        let path = format!("/api/v1/history?channel=B-RIVER/water_level&every=1h&from=-10d&format={format}{more}");
        let mut asked = request(Method::GET, &path);
        asked.headers_mut().insert("te", "trailers".parse().unwrap());
        let response = house.router.clone().oneshot(asked).await.unwrap();
        let manifest: Value = serde_json::from_str(response.headers()["saola-manifest"].to_str().unwrap()).unwrap();
        assert_eq!(response.headers()["trailer"], "saola-rows, saola-sha256");
        let collected = response.into_body().collect().await.unwrap();
        let trailers = collected.trailers().unwrap().clone();
        let body = collected.to_bytes();
        let hex: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(trailers["saola-sha256"], hex, "{format}");
        // The first and the last hour are cut: there is one more bucket than hours.
        assert_eq!(trailers["saola-rows"], rows, "{format}");
        assert_eq!(manifest["query"], path);
        assert_eq!(manifest["channels"], json!([{"channel": "B-RIVER/water_level", "unit": "m", "tier": "hour"}]));
        assert_eq!((&manifest["quality"], &manifest["tz"]), (&json!("good"), &json!("Asia/Ho_Chi_Minh")));
        assert!(manifest["made_by"].as_str().unwrap().starts_with("saola "));
        assert_eq!(body.starts_with("\u{feff}".as_bytes()), more == "&bom=1");
    }
    let plain = get(&house, "every=1h").await;
    assert!(!plain.headers.contains_key("saola-manifest") && !plain.headers.contains_key("trailer"));
}

#[tokio::test]
async fn good_samples_alone_can_be_had_raw() {
    let house = with_days();
    let count =
        async |query: &str| get(&house, &format!("from=-11d&{query}")).await.json()["channels"][0]["count"].clone();
    assert_eq!(count("").await, 1_440);
    assert_eq!(count("quality=all").await, 1_440);
    assert_eq!(count("quality=good").await, 1_425);
}

#[tokio::test]
async fn several_channels_have_a_column_of_their_own() {
    let house = with_days();
    house.observe(RAIN, 60, 4.0);
    house.observe(OLD, 60, 2.5);
    let csv = house
        .get(
            "/api/v1/history?channel=C-RAIN/rainfall&channel=D-OLD/rainfall&every=1d&fn=sum&from=2026-11-21&format=csv",
        )
        .await;
    assert_eq!(
        csv.text(),
        "time,channel,sum,count,expected,completeness,worst_quality,left_out,end,partial\r\n\
         2026-11-21T00:00:00+07:00,C-RAIN/rainfall,4,1,615,0.0016260162601626016,good,0,2026-11-21T10:15:00+07:00,true\r\n\
         2026-11-21T00:00:00+07:00,D-OLD/rainfall,2.5,1,615,0.0016260162601626016,good,0,2026-11-21T10:15:00+07:00,true\r\n"
    );
}

#[tokio::test]
async fn a_compressed_answer_is_the_same_and_still_counted() {
    use std::io::Read as _;
    let house = with_days();
    let path = "/api/v1/history?channel=B-RIVER/water_level&from=-11d&format=";
    let ask = async |format: &str| {
        let mut asked = request(Method::GET, &format!("{path}{format}"));
        asked.headers_mut().insert("te", "trailers".parse().unwrap());
        asked.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
        let response = house.router.clone().oneshot(asked).await.unwrap();
        let coding = response.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        let collected = response.into_body().collect().await.unwrap();
        let sha = collected.trailers().unwrap()["saola-sha256"].to_str().unwrap().to_owned();
        (coding, sha, collected.to_bytes())
    };
    let (coding, sha, bytes) = ask("csv").await;
    assert_eq!(coding.as_deref(), Some("gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, house.get(&format!("{path}csv")).await.text());
    let hex: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sha, hex, "of the bytes before compression");
    let (coding, _, bytes) = ask("parquet").await;
    assert_eq!(coding, None, "Parquet is compressed already");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}
