//! The fleet over a real socket.

use std::collections::BTreeSet;
use std::time::Duration;

use saola_sim::fleet::{self, Options, Plan};

use crate::broker::{Broker, Manner};

#[tokio::test]
async fn the_fleet_publishes_real_times_and_stops_when_told() {
    let broker = Broker::start(Manner::default());
    let before = saola_sim::clock::now();
    let options = Options::new(Plan::shipped("lai_chau").unwrap(), &broker.address);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(fleet::run(options, async {
        let _ = stopped.await;
    }));
    let watched = tokio::task::spawn_blocking(move || {
        broker.wait_for(120);
        broker
    });
    let broker = watched.await.unwrap();
    stop.send(()).unwrap();
    let report = running.await.unwrap().unwrap();
    assert!(report.published >= 120 && report.acknowledged == report.published, "{report:?}");
    let got = broker.got();
    assert_eq!(got.len() as u64, report.published);
    let topics: BTreeSet<&str> = got.iter().map(|got| got.topic.as_str()).collect();
    assert!(topics.len() > 90 && topics.iter().all(|topic| topic.starts_with("saola/v1/")));
    for message in &got {
        let text = String::from_utf8(message.payload.clone()).unwrap();
        let time: jiff::Timestamp = text["{\"time\":\"".len()..][..25].parse().unwrap();
        let age = time.duration_since(before).as_secs();
        assert!((-2..=8).contains(&age), "{text}");
    }
}

#[tokio::test]
async fn a_fleet_of_texts_needs_no_folder_and_ends_by_itself() {
    let broker = Broker::start(Manner::default());
    let stations = "[[station]]\nid = \"X-1\"\nkind = \"rain\"\nlon = 103.4\nlat = 22.4\n\
                    [[station.channel]]\nproperty = \"rainfall\"\nunit = \"mm\"\ninterval = \"1s\"\n";
    let files = [("x.toml".to_owned(), stations.to_owned())];
    let plan = Plan::from_texts(&files, ("test", "about = \"x\"\nfastest = \"1s\"")).unwrap();
    let mut options = Options::new(plan, &broker.address);
    options.lasts = Some(Duration::from_millis(1_950));
    let report = fleet::run(options, std::future::pending()).await.unwrap();
    assert_eq!((report.devices, report.published, report.acknowledged), (1, 2, 2));
    assert!(broker.got().iter().all(|got| got.topic == "saola/v1/X-1"));
}
