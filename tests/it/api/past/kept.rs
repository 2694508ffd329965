//! What the store has not yet, has no more, or has again: none of it looks like silence.

use super::*;

#[tokio::test]
async fn while_the_store_lags_there_is_no_picture_of_silence() {
    let house = House::demo();
    house.observe(PM, 300, 1.0);
    pass(&house, MINUTE * 5);
    let entry = house.observe_unstored(PM, 70, 2.0);
    let tile = format!("/tiles/stations/{}?at=-1m", tile_at(14, PLACES[0]));
    for path in ["/api/v1/layers/air?at=-1m", tile.as_str()] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.text());
        assert_eq!((answer.json()["code"].as_str(), answer.header("retry-after")), (Some("unavailable"), "5"));
    }
    assert_eq!(house.get("/api/v1/layers/air").await.status, StatusCode::OK);
    house.parts.store.apply(&[entry]).unwrap();
    let path = "/api/v1/layers/air?at=-1m";
    let station = document(&house.get(path).await, path)["features"][0].clone();
    assert_eq!(station["properties"]["channels"][0]["value"], 2.0);
}

#[tokio::test]
async fn what_was_deleted_for_its_age_is_not_shown_as_silence() {
    let mut config = store::Config { settle_after_s: 0, ..store::Config::default() };
    config.retention.air.raw_days = 1;
    let house = House::over(&config);
    for day in [3, 2, 1, 0] {
        house.observe(PM, day * 86_400, 1.0);
        house.observe(LEVEL, day * 86_400, 1.0);
    }
    house.parts.store.flush().unwrap();
    while house.parts.store.settle(1_000_000).unwrap() == Settling::More {}
    let begin = house.parts.store.kept_since(PM).samples.expect("something was deleted");
    let tile = tile_at(8, PLACES[0]);
    for (layer, after, is_shown) in [
        ("air", MINUTE, false),
        // What was observed before the horizon may have been fresh then.
        ("air", MINUTE * 4, false),
        ("stations", MINUTE * 4, false),
        ("areas", MINUTE * 4, false),
        ("pm2_5", MINUTE * 4, false),
        ("air", MINUTE * 30, true),
        ("stations", MINUTE * 30, true),
        ("river", MINUTE, true),
        ("rivers", MINUTE, true),
        ("alerts", MINUTE, true),
    ] {
        let at = begin + after;
        for path in [format!("/api/v1/layers/{layer}?at={at}"), format!("/tiles/{layer}/{tile}?at={at}")] {
            let answer = house.get(&path).await;
            assert_eq!(answer.status.is_success(), is_shown, "{path}: {}", answer.status);
            if !is_shown {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.text());
                assert!(answer.json()["detail"].as_str().unwrap().contains("were deleted"), "{}", answer.text());
            }
        }
    }
    let layers = house.get("/api/v1/layers").await.json();
    let from = |id: &str| {
        let layer = layers["layers"].as_array().unwrap().iter().find(|layer| layer["id"] == id).unwrap().clone();
        Timestamp::parse(layer["time_range"]["from"].as_str().unwrap()).unwrap()
    };
    assert!(from("air") > begin + MINUTE * 4 && from("air") < begin + MINUTE * 30);
    assert_eq!(from("stations"), from("air"));
    assert!(from("river") < begin);
}

#[tokio::test]
async fn an_older_arrival_that_shows_nowhere_keeps_picture_and_tag() {
    let house = House::demo();
    house.observe(PM, 900, 1.0);
    let path = format!("/tiles/stations/{}?at=2026-11-21T03:05:00Z", tile_at(14, PLACES[0]));
    let tag = house.get(&path).await.header("etag").to_owned();
    // As after an outage: what was observed before, and is not the newest.
    for ago in [3_600, 1_800, 1_000] {
        house.observe(PM, ago, 7.0);
        pass(&house, SECOND);
        assert_eq!(known(&house, &path, &tag).await.status, StatusCode::NOT_MODIFIED, "{ago}");
    }
}

#[tokio::test]
async fn a_correction_of_the_same_time_has_another_tag_and_a_written_sample_the_same() {
    let house = House::demo();
    house.observe(PM, 700, 1.0);
    let path = format!("/tiles/air/{}?at=2026-11-21T03:05:00Z", tile_at(14, PLACES[0]));
    let first = house.get(&path).await;
    house.parts.store.flush().unwrap();
    pass(&house, SECOND);
    house.observe(TEMPERATURE, 0, 1.0);
    assert_eq!(known(&house, &path, first.header("etag")).await.status, StatusCode::NOT_MODIFIED, "on disk now");
    let observed_at = NOW - Duration::from_secs(700);
    let (quality, time_class) = (Quality::GOOD, TimeClass::Live);
    let samples = vec![Sample { channel: PM, observed_at, value: 3.0, quality, time_class }];
    let (author, reason) = ("an".to_owned(), "calibrated".to_owned());
    house.enter(Body::Corrections(Corrections { author, reason, samples }));
    for written in ["in memory", "on disk"] {
        pass(&house, SECOND);
        let corrected = known(&house, &path, first.header("etag")).await;
        assert_eq!(corrected.status, StatusCode::OK, "{written}");
        assert_ne!(corrected.body, first.body, "{written}");
        let station = &house.get("/api/v1/layers/air?at=2026-11-21T03:05:00Z").await.json()["features"][0];
        assert_eq!(station["properties"]["channels"][0]["value"], 3.0, "{written}");
        house.parts.store.flush().unwrap();
    }
}
