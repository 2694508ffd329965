//! The dashboards for Grafana: their JSON is what Grafana takes, and every panel's query has an answer of the real
//! binary with the province's stations.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use saola::clock::Clock;
use saola::model::{Quality, StationKind};
use saola::promql::Expr;
use saola::store::influx::Series;
use serde_json::{Value, json};

use crate::influx::flux_texts::judge;
use crate::mqtt_client::{Client, V3};
use crate::service::{DEVICE, Province, Service, Wishes, eventually};

/// The data sources of queries about what was observed, of those about the service itself, and of those to InfluxDB 2.
const OBSERVED: &str = "saola";
const ITSELF: &str = "saola-metrics";
const INFLUX: &str = "saola-influx";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/grafana")
}

/// Every dashboard with the name of its file.
fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut found: Vec<(String, Value)> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found.len(), 6);
    found
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// The panels' queries, as Grafana sends them with nothing chosen.
fn queries(dashboard: &Value) -> Vec<String> {
    let targets = list(&dashboard["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    let filled = |target: &Value| {
        let expr = target["expr"].as_str().unwrap().replace("$area", ".*");
        let expr = expr.replace("$__rate_interval", "5m").replace("$__range", "1h");
        assert!(!expr.contains('$'), "{expr}");
        expr
    };
    targets.map(filled).collect()
}

/// The names of metrics in a query.
fn names(expr: &Expr, found: &mut BTreeSet<String>) {
    match expr {
        Expr::Vector(selector) | Expr::Range(selector, _) => found.extend(selector.name.clone()),
        Expr::Aggregate(aggregate) => names(&aggregate.of, found),
        Expr::Negative(of) => names(of, found),
        Expr::Binary(both) => {
            names(&both.left, found);
            names(&both.right, found);
        }
        Expr::Call(_, arguments) => arguments.iter().for_each(|argument| names(argument, found)),
        Expr::Number(_) | Expr::Text(_) => {}
    }
}

fn names_of(query: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    names(&saola::promql::read(query).unwrap_or_else(|error| panic!("{query}: {error}")), &mut found);
    found
}

fn source_of(dashboard: &Value) -> &str {
    let variables = list(&dashboard["templating"]["list"]);
    let source = variables.iter().find(|variable| variable["name"] == "datasource").unwrap();
    source["current"]["value"].as_str().unwrap()
}

fn check_panel(file: &str, panel: &Value, kind: &str) {
    let at = format!("{file}, {}", panel["title"]);
    let (vietnamese, english) = panel["title"].as_str().unwrap().split_once(" / ").expect(&at);
    assert!(!vietnamese.is_empty() && !english.is_empty(), "{at}");
    assert!(panel["fieldConfig"]["defaults"]["unit"].as_str().is_some_and(|unit| !unit.is_empty()), "{at}: no unit");
    let source = json!({"type": kind, "uid": "${datasource}"});
    assert_eq!(panel["datasource"], source, "{at}");
    let mut references = BTreeSet::new();
    for target in list(&panel["targets"]) {
        assert_eq!(target["datasource"], source, "{at}");
        assert!(references.insert(target["refId"].as_str().unwrap()), "{at}");
    }
    assert!(!references.is_empty(), "{at}");
}

#[test]
fn dashboards_are_what_grafana_takes() {
    let provisioned = std::fs::read_to_string(folder().join("provisioning/datasources/saola.yaml")).unwrap();
    let mut uids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        assert!(dashboard["id"].is_null(), "{file}: an id belongs to one installation");
        assert!(uids.insert(dashboard["uid"].as_str().unwrap().to_owned()), "{file}");
        assert!(dashboard["title"].as_str().unwrap().contains(" / "), "{file}");
        let source = source_of(&dashboard);
        let kind = if source == INFLUX { "influxdb" } else { "prometheus" };
        assert!(
            [OBSERVED, ITSELF, INFLUX].contains(&source) && provisioned.contains(&format!("uid: {source}\n")),
            "{file}"
        );
        let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard["panels"]) {
            check_panel(&file, panel, kind);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{file}: {}", panel["id"]);
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + w <= 24, "{file}: {}", panel["title"]);
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(cells.insert(cell), "{file}: {} lies on another", panel["title"]);
            }
        }
    }
}

/// With InfluxDB 2 as the store Grafana asks that: in Flux which its own parser and type checker accept, for series that
/// the shipped stations have there, and for the samples that are good.
#[test]
fn every_query_to_influxdb_is_flux_for_series_that_are_there() {
    let dashboards = dashboards();
    let (_, dashboard) = dashboards.iter().find(|(_, dashboard)| source_of(dashboard) == INFLUX).unwrap();
    let targets = list(&dashboard["panels"]).iter().flat_map(|panel| list(&panel["targets"]));
    let mut texts: Vec<String> = targets.map(|target| target["query"].as_str().unwrap().to_owned()).collect();
    let panels = texts.len();
    let variables = list(&dashboard["templating"]["list"]);
    texts
        .extend(variables.iter().filter(|one| one["type"] == "query").map(|one| one["query"].as_str().unwrap().into()));
    // What Grafana puts in.
    let given = "option v = {timeRangeStart: -24h, timeRangeStop: now(), windowPeriod: 1m}\n\nfrom(";
    let filled = texts.iter().map(|text| {
        let text = text.replace("${bucket}", "saola").replace("${station:regex}", ".*").replacen("from(", given, 1);
        assert!(!text.contains("${"), "{text}");
        text
    });
    let filled: Vec<String> = filled.collect();
    let stations = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/stations");
    let declared: Vec<String> = std::fs::read_dir(stations)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for (place, (text, judged)) in filled.iter().zip(judge(&filled)).enumerate() {
        assert!(judged.messages.is_empty(), "{text}\n{:?}", judged.messages);
        if place >= panels {
            continue;
        }
        let [bucket, measurement, field, quality, ..] = judged.strings.as_slice() else { panic!("{text}") };
        let is_of = |kind: &StationKind| {
            let series = Series::new(*kind, "any", field).unwrap();
            series.measurement == measurement && series.quality == *quality
        };
        let kind = StationKind::ALL.iter().find(|kind| is_of(kind)).unwrap_or_else(|| panic!("{text}"));
        let property = format!("property = \"{field}\"");
        assert!(bucket == "saola" && declared.iter().any(|file| file.contains(&property)), "{kind:?}: {text}");
        let harmless = text.split("b: uint(v: ").nth(1).unwrap().split(')').next().unwrap().parse::<u16>().unwrap();
        for flag in (0..16).map(|bit| 1_u16 << bit) {
            assert_eq!(Quality(flag).is_good(), harmless & flag != 0, "{flag}");
        }
    }
    assert_eq!((panels, filled.len()), (10, 11));
}

/// A value that every station of the province may report.
fn ordinary(property: &str) -> f64 {
    match property {
        "air_pressure" => 950.0,
        "smoke" | "camera_fire_score" | "acoustic_score" => 0.5,
        "battery_voltage" => 3.7,
        _ => 5.0,
    }
}

/// Every station of the province reports once; the properties that are observed.
async fn report(service: &Service) -> BTreeSet<String> {
    let mut device = Client::open(service.mqtt, V3).await;
    assert_eq!(device.hello("device-of-a-test", Some((DEVICE.0, DEVICE.1.as_bytes()))).await.reason(), 0);
    let time = Clock::System.now().to_string();
    let stations = service.get("/api/v1/stations?limit=10000").await;
    let mut observed = BTreeSet::new();
    let mut sent = 0;
    for (number, station) in list(&stations["features"]).iter().enumerate() {
        let mut payload = json!({"time": time});
        for channel in list(&station["properties"]["channels"]) {
            if channel["derived_from"].is_null() {
                let property = channel["property"].as_str().unwrap();
                payload[property] = ordinary(property).into();
                observed.insert(property.to_owned());
            }
        }
        let topic = format!("saola/v1/{}", station["id"].as_str().unwrap());
        device.publish(&topic, u16::try_from(number + 1).unwrap(), payload.to_string().as_bytes()).await;
        sent += 1;
        if sent == 20 {
            device.pubacks(std::mem::take(&mut sent)).await;
        }
    }
    device.pubacks(sent).await;
    observed
}

async fn ask(service: &Service, path: &str, parameters: &[(&str, &str)]) -> Value {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    service.get(&format!("/prometheus/api/v1/{path}?{query}")).await["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_panel_has_an_answer() {
    let service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let observed = report(&service).await;
    let everybody = [("query", "count({__name__=~\".+\",derived=\"\",__quality__=\"all\"})")];
    let channels = ask(&service, "series", &[("match[]", "{__name__=~\".+\",derived=\"\"}")]).await;
    let channels = list(&channels).len().to_string();
    eventually("everything to be in the history", async || {
        (ask(&service, "query", &everybody).await["result"][0]["value"][1] == *channels).then_some(())
    })
    .await;
    let known = ask(&service, "label/__name__/values", &[]).await;
    let known: BTreeSet<&str> = list(&known).iter().map(|name| name.as_str().unwrap()).collect();
    let now = Clock::System.now().micros() / 1_000_000;
    let (start, end) = ((now - 3_600).to_string(), (now + 1).to_string());
    let (mut asked, mut filled) = (0, 0);
    for (file, dashboard) in dashboards().iter().filter(|(_, dashboard)| source_of(dashboard) == OBSERVED) {
        for query in queries(dashboard) {
            let names = names_of(&query);
            assert!(!names.is_empty() && names.iter().all(|name| known.contains(name.as_str())), "{file}: {query}");
            let instant = ask(&service, "query", &[("query", &query)]).await;
            let range = [("query", query.as_str()), ("start", &start), ("end", &end), ("step", "1")];
            let range = ask(&service, "query_range", &range).await;
            assert_eq!((&instant["resultType"], &range["resultType"]), (&json!("vector"), &json!("matrix")), "{query}");
            asked += 1;
            // A change needs two samples, and an index hours of them.
            if names.is_subset(&observed) && !query.contains("delta(") && !query.contains(" < ") {
                filled += 1;
                assert!(!list(&instant["result"]).is_empty(), "{file}: {query} is empty");
                assert!(!list(&range["result"]).is_empty(), "{file}: {query} is empty over an hour");
            }
        }
        for variable in list(&dashboard["templating"]["list"]).iter().filter(|variable| variable["type"] == "query") {
            let text = variable["query"]["query"].as_str().unwrap();
            let inside = text.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (selector, label) = inside.split_once(", ").unwrap();
            let values = ask(&service, &format!("label/{label}/values"), &[("match[]", selector)]).await;
            assert!(!list(&values).is_empty(), "{file}: {text}");
        }
    }
    assert!(asked >= 40 && filled >= 25, "{asked} {filled}");
    measures_are_there(&service).await;
}

/// Every measure that the dashboard of the service names is one that the service can tell, and most are told by now.
async fn measures_are_there(service: &Service) {
    let told = service.ask("/metrics").await.text().await.unwrap();
    let source = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let (mut all, mut present) = (0, 0);
    for (file, dashboard) in dashboards().iter().filter(|(_, dashboard)| source_of(dashboard) == ITSELF) {
        for name in queries(dashboard).iter().flat_map(|query| names_of(query)) {
            assert!(source.contains(&format!("\"{name}\"")), "{file}: nothing measures {name}");
            all += 1;
            let is_of_it = |line: &str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['{', ' ']));
            present += usize::from(told.lines().any(is_of_it));
        }
    }
    assert!(all > 10 && present * 2 > all, "{present} of {all} are told");
}

fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}
