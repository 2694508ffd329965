//! GDAL reads the tiles of the real binary: its own reader of the format, under QGIS and most of the others.

use std::path::Path;
use std::process::Command;

use saola::layers::{TileId, mercator::World};
use saola::model::Position;
use serde_json::Value;

use crate::service::{Province, Service, Wishes};

/// What `ogrinfo` says of a tile; its folders are its address, from which GDAL knows where it lies.
async fn ogrinfo(service: &Service, folder: &Path, layer: &str, tile: TileId) -> String {
    let address = format!("{layer}/{}/{}/{}.mvt", tile.z(), tile.x(), tile.y());
    let answer = service.ask(&format!("/tiles/{address}")).await;
    if answer.status() == 204 {
        return String::new();
    }
    assert_eq!(answer.status(), 200, "{address}");
    let file = folder.join(&address);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, answer.bytes().await.unwrap()).unwrap();
    let shown = format!("MVT:{}", file.display());
    let output = Command::new("ogrinfo").args(["-ro", "-al", &shown]).output().expect("gdal-bin is installed");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && errors.is_empty(), "{address}: {text}{errors}");
    text.into_owned()
}

/// The features of a layer as `ogrinfo` tells them.
fn features<'t>(text: &'t str, layer: &str) -> Vec<&'t str> {
    let Some((_, rest)) = text.split_once(&format!("Layer name: {layer}\n")) else { return Vec::new() };
    let own = rest.split("Layer name: ").next().unwrap();
    own.split("OGRFeature(").skip(1).collect()
}

fn attribute<'f>(feature: &'f str, name: &str) -> Option<&'f str> {
    feature.lines().map(str::trim).find_map(|line| line.strip_prefix(name)?.split_once(" = ").map(|(_, value)| value))
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_finds_every_station_where_it_stands() {
    let service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let folder = tempfile::TempDir::new().unwrap();
    let collection = service.get("/api/v1/layers/stations").await;
    let stations: Vec<&Value> = collection["features"].as_array().unwrap().iter().collect();
    assert!(stations.len() > 50, "{}", stations.len());
    let place = |station: &Value| {
        let at = &station["geometry"]["coordinates"];
        Position { lon: at[0].as_f64().unwrap(), lat: at[1].as_f64().unwrap() }
    };
    // Far away: what the tile's points and clusters stand for.
    let whole = ogrinfo(&service, folder.path(), "stations", TileId::new(0, 0, 0).unwrap()).await;
    let many: usize = features(&whole, "clusters")
        .iter()
        .map(|cluster| attribute(cluster, "count").unwrap().parse::<usize>().unwrap())
        .sum();
    assert_eq!(many + features(&whole, "stations").len(), stations.len());
    // Near: each by itself, where it stands.
    for station in stations.iter().step_by(10) {
        let tile = TileId::around(13, World::of(place(station)));
        let text = ogrinfo(&service, folder.path(), "stations", tile).await;
        let found = features(&text, "stations");
        let id = station["id"].as_str().unwrap();
        let own = found.iter().find(|feature| attribute(feature, "id") == Some(id)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(attribute(own, "name_vi"), station["properties"]["name"]["vi"].as_str());
        let point = own.split_once("POINT (").unwrap().1.split(')').next().unwrap();
        let metres: Vec<f64> = point.split(' ').map(|part| part.parse().unwrap()).collect();
        let at = place(station);
        let expected = [at.lon.to_radians() * 6_378_137.0, at.lat.to_radians().tan().asinh() * 6_378_137.0];
        let apart = (metres[0] - expected[0]).hypot(metres[1] - expected[1]);
        assert!(apart < 3.0, "{id}: {apart} m");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_the_communes() {
    let service = Service::start(&Wishes { province: Province::Shipped, config: String::new() }).await;
    let folder = tempfile::TempDir::new().unwrap();
    let middle = World::of(Position { lon: 103.2, lat: 22.3 });
    let text = ogrinfo(&service, folder.path(), "areas", TileId::around(3, middle)).await;
    let communes = features(&text, "areas");
    assert_eq!(communes.len(), 38);
    assert!(communes.iter().all(|commune| commune.contains("POLYGON ((")), "{}", communes[0]);
    assert_eq!(features(&text, "labels").len(), 38);
}
