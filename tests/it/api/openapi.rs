//! The API's description: a committed file that equals the code.

use std::path::Path;

use saola::api;

/// The committed description. `SAOLA_BLESS=1` writes it anew.
#[test]
fn the_committed_description_equals_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards/openapi.json");
    let text = api::openapi_json();
    if std::env::var_os("SAOLA_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == text, "{} is out of date: run this test with SAOLA_BLESS=1", file.display());
}

#[test]
fn every_operation_and_parameter_is_described() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is the name of two operations");
            let whole = operation["summary"].as_str().or(operation["description"].as_str());
            assert!(whole.is_some_and(|text| !text.is_empty()), "{method} {path} has no summary");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let text = parameter["description"].as_str().unwrap_or_default();
                assert!(!text.is_empty(), "{method} {path}: {} has no description", parameter["name"]);
            }
        }
    }
    assert!(names.len() >= 19, "{names:?}");
}

#[test]
fn every_member_of_every_schema_is_described() {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut missing = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let parts = std::iter::once(schema).chain(schema["allOf"].as_array().into_iter().flatten());
        for (member, described) in parts.filter_map(|part| part["properties"].as_object()).flatten() {
            // What may be null is one of two schemas; the text stands beside the other.
            let choices = std::iter::once(described).chain(described["oneOf"].as_array().into_iter().flatten());
            if choices.filter_map(|schema| schema["description"].as_str()).all(str::is_empty) {
                missing.push(format!("{name}.{member}"));
            }
        }
    }
    assert!(missing.is_empty(), "without a description: {missing:?}");
}
