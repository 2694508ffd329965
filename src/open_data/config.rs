//! The section `[open_data]`.

use axum::http::Uri;
use serde::{Deserialize, Serialize};

use crate::document::word;
use crate::model::{Span, StationKind};

/// Settings of open data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Who publishes it; data sets need one.
    pub publisher: String,
    /// Where to ask, an e-mail address; empty: left out.
    pub contact: String,
    /// The address of the terms of reuse.
    pub licence: String,
    /// What is open.
    #[serde(rename = "dataset", skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<Dataset>,
}

/// A data set that is open: the stations of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// The kind of station.
    #[serde(deserialize_with = "word")]
    pub kind: StationKind,
    /// How old values are at least, 0 to 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// Side of the cells in whose middle stations are placed, metres, 0 to 100,000; 0: where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_m: Option<u32>,
}

impl Dataset {
    /// How old values are at least.
    pub fn delay(&self) -> Span {
        let usual = if self.kind == StationKind::Forest { Span::from_days(1) } else { Span::ZERO };
        self.delay.unwrap_or(usual)
    }

    /// Side of the cells in whose middle stations are placed, metres; 0: where they are.
    pub fn round_m(&self) -> u32 {
        self.round_m.unwrap_or(if self.kind == StationKind::Forest { 5_000 } else { 0 })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            publisher: String::new(),
            contact: String::new(),
            licence: "https://creativecommons.org/licenses/by/4.0/".to_owned(),
            datasets: Vec::new(),
        }
    }
}

impl Config {
    /// The data set of a kind of station, if it is open.
    pub fn dataset(&self, kind: StationKind) -> Option<&Dataset> {
        self.datasets.iter().find(|dataset| dataset.kind == kind)
    }

    /// Every mistake as key and sentence.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut note = |key: &str, message: String| found.push((key.to_owned(), message));
        if !self.datasets.is_empty() && self.publisher.trim().is_empty() {
            note("publisher", "must say who publishes when there is a dataset".to_owned());
        }
        if !self.contact.is_empty() && !self.contact.contains('@') {
            note("contact", "must be an e-mail address, or empty".to_owned());
        }
        let licence = self.licence.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
        if !licence.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https"))) {
            note("licence", "must be the http or https address of the terms of reuse".to_owned());
        }
        for (place, dataset) in self.datasets.iter().enumerate() {
            if let Some(first) = self.datasets[..place].iter().position(|other| other.kind == dataset.kind) {
                note(&format!("dataset[{place}].kind"), format!("{} is dataset[{first}] already", dataset.kind.word()));
            }
        }
        found
    }
}
