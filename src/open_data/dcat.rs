//! The catalogue of open data: DCAT 3 (W3C, 2024) as JSON-LD 1.1, with the properties that DCAT-AP 3 makes mandatory, so
//! that data portals (CKAN's ckanext-dcat, data.europa.eu and their kin) can collect it.
//!
//! The context stands in the document: nobody has to fetch another one.

use serde_json::{Value, json};

use super::{Config, Dataset};
use crate::layers::Layer;
use crate::model::{LocalName, StationKind};

/// West, south, east, north of the data, degrees.
pub type Extent = [f64; 4];

/// A form in which a data set is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The ending of its address.
    pub extension: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What people call it.
    title: &'static str,
    /// Its name in the EU's vocabulary of file types.
    authority: &'static str,
}

/// Every form.
pub const FORMATS: [Format; 2] = [
    Format { extension: "geojson", media_type: "application/geo+json", title: "GeoJSON", authority: "GEOJSON" },
    Format { extension: "csv", media_type: "text/csv", title: "CSV", authority: "CSV" },
];

const FILE_TYPE: &str = "http://publications.europa.eu/resource/authority/file-type";
const FREQUENCY: &str = "http://publications.europa.eu/resource/authority/frequency";
const LANGUAGE: &str = "http://publications.europa.eu/resource/authority/language";
const THEME: &str = "http://publications.europa.eu/resource/authority/data-theme";

/// A text in both languages.
fn both(name: &LocalName) -> Value {
    json!([{ "@language": "vi", "@value": name.vi }, { "@language": "en", "@value": name.en }])
}

/// The catalogue of what is open. `link` makes an address of a path, `extent` says where the stations of a kind are,
/// as they are given; `None` where there is no station.
pub fn catalog(config: &Config, link: &dyn Fn(&str) -> String, extent: &dyn Fn(&Dataset) -> Option<Extent>) -> Value {
    let title = LocalName { vi: "Dữ liệu mở của tỉnh".to_owned(), en: "The province's open data".to_owned() };
    let about = LocalName {
        vi: "Trạm quan trắc và giá trị mới nhất".to_owned(),
        en: "Stations and their newest values".to_owned(),
    };
    let publisher = json!({ "@type": "foaf:Organization", "foaf:name": config.publisher });
    let datasets: Vec<Value> =
        config.datasets.iter().map(|dataset| described(config, dataset, &publisher, link, extent(dataset))).collect();
    json!({
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "vcard": "http://www.w3.org/2006/vcard/ns#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
            "geosparql": "http://www.opengis.net/ont/geosparql#"
        },
        "@id": link("/catalog.jsonld"),
        "@type": "dcat:Catalog",
        "dct:title": both(&title),
        "dct:description": both(&about),
        "dct:publisher": publisher,
        "dct:license": { "@id": config.licence },
        "dct:language": [{ "@id": format!("{LANGUAGE}/VIE") }, { "@id": format!("{LANGUAGE}/ENG") }],
        "foaf:homepage": { "@id": link("/") },
        "dcat:dataset": datasets
    })
}

fn described(
    config: &Config,
    dataset: &Dataset,
    publisher: &Value,
    link: &dyn Fn(&str) -> String,
    extent: Option<Extent>,
) -> Value {
    let kind = dataset.kind.word();
    let [vi, en] = Layer::Kind(dataset.kind).title();
    let title = LocalName { vi: vi.to_owned(), en: en.to_owned() };
    let distributions: Vec<Value> = FORMATS
        .iter()
        .map(|format| {
            let address = link(&format!("/open/{kind}.{}", format.extension));
            json!({
                "@id": format!("{address}#distribution"),
                "@type": "dcat:Distribution",
                "dct:title": format.title,
                "dcat:accessURL": { "@id": address },
                "dcat:downloadURL": { "@id": address },
                "dcat:mediaType": {
                    "@id": format!("https://www.iana.org/assignments/media-types/{}", format.media_type)
                },
                "dct:format": { "@id": format!("{FILE_TYPE}/{}", format.authority) },
                "dct:license": { "@id": config.licence }
            })
        })
        .collect();
    let mut described = json!({
        "@id": link(&format!("/catalog.jsonld#{kind}")),
        "@type": "dcat:Dataset",
        "dct:identifier": kind,
        "dct:title": both(&title),
        "dct:description": both(&manner(dataset)),
        "dct:publisher": publisher,
        "dct:accrualPeriodicity": { "@id": format!("{FREQUENCY}/CONT") },
        "dcat:theme": { "@id": format!("{THEME}/{}", theme(dataset.kind)) },
        "dcat:keyword": [
            { "@language": "vi", "@value": title.vi.to_lowercase() },
            { "@language": "en", "@value": title.en.to_lowercase() }
        ],
        "dcat:distribution": distributions
    });
    if !config.contact.is_empty() {
        described["dcat:contactPoint"] = json!({
            "@type": "vcard:Organization",
            "vcard:fn": config.publisher,
            "vcard:hasEmail": { "@id": format!("mailto:{}", config.contact) }
        });
    }
    if let Some([west, south, east, north]) = extent {
        let ring = format!("{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}");
        described["dct:spatial"] = json!({
            "@type": "dct:Location",
            "dcat:bbox": { "@type": "geosparql:wktLiteral", "@value": format!("POLYGON(({ring}))") }
        });
    }
    described
}

/// What is to be known of the values: how old, how coarse.
fn manner(dataset: &Dataset) -> LocalName {
    let (delay, side_m) = (dataset.delay(), dataset.round_m());
    let mut found = LocalName {
        vi: "Giá trị tốt mới nhất của mỗi trạm, kèm thời điểm và đơn vị (UCUM).".to_owned(),
        en: "The newest good value of each station, with its time and unit (UCUM).".to_owned(),
    };
    if delay.micros() > 0 {
        let delay = delay.words();
        found.vi += &format!(" Chậm ít nhất {}.", delay.vi);
        found.en += &format!(" At least {} late.", delay.en);
    }
    if side_m > 0 {
        found.vi += &format!(" Vị trí là tâm của ô lưới {side_m} m.");
        found.en += &format!(" Places are the middle of cells of {side_m} m.");
    }
    found
}

/// The kind's theme in the EU's vocabulary: environment, transport, energy.
fn theme(kind: StationKind) -> &'static str {
    match kind {
        StationKind::Traffic => "TRAN",
        StationKind::Meter => "ENER",
        StationKind::Air | StationKind::Weather | StationKind::River | StationKind::Rain | StationKind::Forest => {
            "ENVI"
        }
    }
}
