//! How states are told apart on a map: by word and shape first, by colour second (readable without colour vision).
//!
//! Freshness is a fill, severity a shape with more corners the worse it is. The five hues of severity are those that
//! Decision 18/2021/QĐ-TTg names; a severity here is a technical threshold, never the official disaster risk level.

use serde::Serialize;
use utoipa::ToSchema;

use super::features::{FRESHNESSES, Name, SEVERITIES};
use super::layers::Layer;
use crate::model::{Freshness, Severity, StationKind};

/// One state and how it is drawn.
#[derive(Serialize, ToSchema)]
pub struct Mark {
    /// The feature's member that decides it.
    #[schema(value_type = String, example = "freshness")]
    property: &'static str,
    /// The member's value.
    #[schema(value_type = String, example = "live")]
    value: &'static str,
    /// What to call it.
    title: Name,
    /// Colour, as `#rrggbb`.
    #[schema(value_type = String, example = "#0b7a62")]
    colour: &'static str,
    /// Shape or fill.
    #[schema(value_type = String, example = "filled")]
    shape: &'static str,
}

fn name(vi: &str, en: &str) -> Name {
    Name { vi: vi.to_owned(), en: en.to_owned() }
}

/// A layer's title.
pub fn title(layer: Layer) -> Name {
    match layer {
        Layer::Stations => name("Tất cả trạm", "All stations"),
        Layer::Areas => name("Xã, phường", "Communes and wards"),
        Layer::Alerts => name("Cảnh báo", "Alerts"),
        Layer::Kind(StationKind::Traffic) => name("Giao thông", "Traffic"),
        Layer::Kind(StationKind::Air) => name("Không khí", "Air quality"),
        Layer::Kind(StationKind::Weather) => name("Thời tiết", "Weather"),
        Layer::Kind(StationKind::River) => name("Sông", "Rivers"),
        Layer::Kind(StationKind::Rain) => name("Lượng mưa", "Rain"),
        Layer::Kind(StationKind::Forest) => name("Rừng", "Forest"),
        Layer::Kind(StationKind::Meter) => name("Đồng hồ đo", "Meters"),
    }
}

/// A layer's legend; empty for areas, which are drawn as outlines.
pub fn of(layer: Layer) -> Vec<Mark> {
    match layer {
        Layer::Areas => Vec::new(),
        Layer::Alerts => SEVERITIES.map(severity).into(),
        Layer::Stations | Layer::Kind(_) => {
            FRESHNESSES.map(freshness).into_iter().chain(SEVERITIES.map(severity)).collect()
        }
    }
}

fn freshness(freshness: Freshness) -> Mark {
    let (title, colour, shape) = match freshness {
        Freshness::Live => (name("Trực tiếp", "Live"), "#0b7a62", "filled"),
        Freshness::Late => (name("Trễ", "Late"), "#33454f", "outlined"),
        Freshness::Stale => (name("Cũ", "Stale"), "#4c5f6a", "dashed"),
        Freshness::Silent => (name("Mất tín hiệu", "Silent"), "#5d6c76", "struck"),
        Freshness::Maintenance => (name("Bảo trì", "Maintenance"), "#566770", "hatched"),
    };
    Mark { property: "freshness", value: freshness.word(), title, colour, shape }
}

fn severity(severity: Severity) -> Mark {
    let (title, colour, shape) = match severity {
        Severity::Low => (name("Thấp", "Low"), "#7cc4f0", "circle"),
        Severity::Medium => (name("Trung bình", "Medium"), "#f2d84b", "diamond"),
        Severity::High => (name("Cao", "High"), "#f58a1f", "triangle"),
        Severity::VeryHigh => (name("Rất cao", "Very high"), "#c8202a", "octagon"),
        Severity::Catastrophic => (name("Thảm họa", "Catastrophic"), "#7a2bd0", "burst"),
    };
    Mark { property: "severity", value: severity.word(), title, colour, shape }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_differ_in_shape_and_colour() {
        for marks in [of(Layer::Alerts), of(Layer::Stations)] {
            for (place, mark) in marks.iter().enumerate() {
                let others = &marks[..place];
                assert!(others.iter().all(|other| other.shape != mark.shape && other.colour != mark.colour));
            }
        }
    }
}
