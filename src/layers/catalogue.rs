//! Which layers there are, what they are called, and what their colours mean.
//!
//! Colours are for a dark wall: of Okabe and Ito (2008) where states are told apart, steps of viridis (Smith and van der
//! Walt 2015) where one leads to the next, the brightest for the worst. A test sees them with the eyes of the
//! colour-blind (Viénot, Brettel and Mollon 1999). Severities and freshness keep the colours that the pages have, and
//! differ in shape.

use super::surface::Field;
use crate::model::{Freshness, Severity, StationKind};

/// The layers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Every station.
    Stations,
    /// The stations of one kind.
    Kind(StationKind),
    /// Communes and wards with their polygons, and what their stations come to.
    Areas,
    /// Forest compartments with their polygons, and what the stations inside come to.
    ForestCompartments,
    /// Open alerts at their stations.
    Alerts,
    /// Open incidents in the middle of their alerts.
    Incidents,
    /// Traffic stations by level of service.
    Roads,
    /// River gauges by alarm stage.
    Rivers,
    /// Bands between stations.
    Surface(Field),
}

/// What a layer's features are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Geometry {
    /// Points, clustered below the detail zoom.
    Point,
    /// Polygons.
    MultiPolygon,
}

impl Geometry {
    /// As GeoJSON calls it.
    pub fn word(self) -> &'static str {
        match self {
            Geometry::Point => "Point",
            Geometry::MultiPolygon => "MultiPolygon",
        }
    }
}

/// Vietnamese and English.
pub type Title = [&'static str; 2];

/// One state of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// The property that it shows.
    pub property: &'static str,
    /// The property's value; of a step of a surface, its number.
    pub value: String,
    /// What to call it: Vietnamese and English.
    pub title: [String; 2],
    /// As `#rrggbb`.
    pub colour: &'static str,
    /// Shape, fill or line.
    pub shape: &'static str,
}

impl Layer {
    /// Every layer, in the catalogue's order.
    pub fn all() -> impl Iterator<Item = Layer> {
        let own =
            [Layer::Areas, Layer::ForestCompartments, Layer::Alerts, Layer::Incidents, Layer::Roads, Layer::Rivers];
        let kinds = StationKind::ALL.map(Layer::Kind);
        [Layer::Stations].into_iter().chain(kinds).chain(own).chain(Field::ALL.map(Layer::Surface))
    }

    /// Its name in addresses.
    pub fn id(self) -> &'static str {
        match self {
            Layer::Stations => "stations",
            Layer::Kind(kind) => kind.word(),
            Layer::Areas => "areas",
            Layer::ForestCompartments => "forest_compartments",
            Layer::Alerts => "alerts",
            Layer::Incidents => "incidents",
            Layer::Roads => "roads",
            Layer::Rivers => "rivers",
            Layer::Surface(Field::FireDanger) => "fire_danger",
            Layer::Surface(field) => field.property(),
        }
    }

    /// By its name.
    pub fn named(id: &str) -> Option<Layer> {
        Layer::all().find(|layer| layer.id() == id)
    }

    /// What its features are.
    pub fn geometry(self) -> Geometry {
        match self {
            Layer::Areas | Layer::ForestCompartments | Layer::Surface(_) => Geometry::MultiPolygon,
            _ => Geometry::Point,
        }
    }

    /// The least zoom at which every point is shown as itself.
    pub fn detail_zoom(self) -> u8 {
        match self {
            Layer::Areas | Layer::ForestCompartments | Layer::Surface(_) => 0,
            Layer::Roads | Layer::Rivers => 9,
            _ => 11,
        }
    }

    /// The kind of the stations that it shows; `None` for all of them.
    pub fn kind(self) -> Option<StationKind> {
        match self {
            Layer::Kind(kind) => Some(kind),
            Layer::Roads => Some(StationKind::Traffic),
            Layer::Rivers => Some(StationKind::River),
            _ => None,
        }
    }

    /// The property whose newest value is the layer's own level.
    pub fn level_property(self) -> Option<&'static str> {
        match self {
            Layer::Roads => Some("level_of_service"),
            Layer::Rivers => Some("river_alarm_stage"),
            _ => None,
        }
    }

    /// What to call it.
    pub fn title(self) -> Title {
        match self {
            Layer::Stations => ["Tất cả trạm", "All stations"],
            Layer::Areas => ["Xã, phường", "Communes and wards"],
            Layer::ForestCompartments => ["Tiểu khu rừng", "Forest compartments"],
            Layer::Alerts => ["Cảnh báo", "Alerts"],
            Layer::Incidents => ["Sự cố", "Incidents"],
            Layer::Roads => ["Mức phục vụ giao thông", "Roads by level of service"],
            Layer::Rivers => ["Cấp báo động lũ", "Rivers by alarm stage"],
            Layer::Surface(Field::AirTemperature) => ["Nhiệt độ không khí (nội suy)", "Air temperature (interpolated)"],
            Layer::Surface(Field::Rain24h) => ["Mưa 24 giờ (nội suy)", "Rain of 24 hours (interpolated)"],
            Layer::Surface(Field::Pm25) => ["Bụi PM2.5 (nội suy)", "PM2.5 (interpolated)"],
            Layer::Surface(Field::FireDanger) => {
                ["Nguy cơ cháy rừng P (nội suy)", "Forest fire danger P (interpolated)"]
            }
            Layer::Kind(StationKind::Traffic) => ["Giao thông", "Traffic"],
            Layer::Kind(StationKind::Air) => ["Không khí", "Air quality"],
            Layer::Kind(StationKind::Weather) => ["Thời tiết", "Weather"],
            Layer::Kind(StationKind::River) => ["Sông", "Rivers"],
            Layer::Kind(StationKind::Rain) => ["Lượng mưa", "Rain"],
            Layer::Kind(StationKind::Forest) => ["Rừng", "Forest"],
            Layer::Kind(StationKind::Meter) => ["Đồng hồ đo", "Meters"],
        }
    }

    /// How its features are made, where that is not plain.
    pub fn method(self) -> Option<Title> {
        match self {
            Layer::Surface(_) => Some([
                "Nội suy nghịch đảo khoảng cách (Shepard), số mũ 2, 12 trạm gần nhất; để trống nơi không có trạm trong tầm",
                "Inverse distance weighting (Shepard), power 2, nearest 12 stations; left empty where none is within reach",
            ]),
            Layer::Areas | Layer::ForestCompartments => Some([
                "Chỉ tính giá trị tốt của kênh đang hoặc vừa có tín hiệu; completeness là phần kênh có giá trị",
                "Good values of live and late channels only; completeness is the share of channels that has one",
            ]),
            _ => None,
        }
    }

    /// How its states are told apart.
    pub fn legend(self) -> Vec<Mark> {
        match self {
            Layer::Areas | Layer::ForestCompartments | Layer::Alerts | Layer::Incidents => {
                Severity::ALL.map(severity).into()
            }
            Layer::Stations | Layer::Kind(_) => {
                Freshness::ALL.map(freshness).into_iter().chain(Severity::ALL.map(severity)).collect()
            }
            Layer::Roads => SERVICE.iter().map(|row| mark("level", row)).collect(),
            Layer::Rivers => ALARM.iter().map(|row| mark("level", row)).collect(),
            Layer::Surface(field) => bands(field),
        }
    }
}

/// Value, Vietnamese, English, colour, shape.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

const SERVICE: [Row; 6] = [
    ("1", "A: Thông suốt", "A: Free flow", "#31688e", "circle"),
    ("2", "B: Khá thông suốt", "B: Reasonably free flow", "#26828e", "ring"),
    ("3", "C: Ổn định", "C: Stable flow", "#1f9e89", "square"),
    ("4", "D: Gần mất ổn định", "D: Approaching unstable flow", "#6ece58", "diamond"),
    ("5", "E: Không ổn định", "E: Unstable flow", "#b5de2b", "triangle"),
    ("6", "F: Ùn tắc", "F: Congestion", "#fde725", "octagon"),
];

const ALARM: [Row; 4] = [
    ("0", "Dưới báo động 1", "Below alarm 1", "#0072b2", "circle"),
    ("1", "Báo động 1", "Alarm 1", "#56b4e9", "diamond"),
    ("2", "Báo động 2", "Alarm 2", "#e69f00", "triangle"),
    ("3", "Báo động 3", "Alarm 3", "#f0e442", "octagon"),
];

/// Steps of viridis without its darkest, which a dark wall swallows.
const VIRIDIS: [&str; 9] =
    ["#46508b", "#3a6390", "#2f7890", "#23918c", "#22a884", "#44bf70", "#7ad151", "#bddf26", "#fde725"];

fn mark(property: &'static str, row: &Row) -> Mark {
    let (value, vi, en, colour, shape) = *row;
    Mark { property, value: value.to_owned(), title: [vi.to_owned(), en.to_owned()], colour, shape }
}

fn freshness(freshness: Freshness) -> Mark {
    let (vi, en, colour, shape) = match freshness {
        Freshness::Live => ("Trực tiếp", "Live", "#0b7a62", "filled"),
        Freshness::Late => ("Trễ", "Late", "#33454f", "outlined"),
        Freshness::Stale => ("Cũ", "Stale", "#4c5f6a", "dashed"),
        Freshness::Silent => ("Mất tín hiệu", "Silent", "#5d6c76", "struck"),
        Freshness::Maintenance => ("Bảo trì", "Maintenance", "#566770", "hatched"),
    };
    mark("freshness", &(freshness.word(), vi, en, colour, shape))
}

fn severity(severity: Severity) -> Mark {
    let (vi, en, colour, shape) = match severity {
        Severity::Low => ("Thấp", "Low", "#7cc4f0", "circle"),
        Severity::Medium => ("Trung bình", "Medium", "#f2d84b", "diamond"),
        Severity::High => ("Cao", "High", "#f58a1f", "triangle"),
        Severity::VeryHigh => ("Rất cao", "Very high", "#c8202a", "octagon"),
        Severity::Catastrophic => ("Thảm họa", "Catastrophic", "#7a2bd0", "burst"),
    };
    mark("severity", &(severity.word(), vi, en, colour, shape))
}

fn bands(field: Field) -> Vec<Mark> {
    let levels = field.levels();
    let unit = match field {
        Field::AirTemperature => "°C",
        Field::Rain24h => "mm",
        Field::Pm25 => "µg/m³",
        Field::FireDanger => "",
    };
    let step = |step: usize| {
        let (from, to) = (step.checked_sub(1).and_then(|below| levels.get(below)), levels.get(step));
        let told = |below: &str, above: &str| match (from, to) {
            (Some(from), Some(to)) => format!("{from} – {to} {unit}"),
            (None, Some(to)) => format!("{below} {to} {unit}"),
            (Some(from), None) => format!("{above} {from} {unit}"),
            (None, None) => unit.to_owned(),
        };
        let title = [told("dưới", "từ"), told("below", "from")].map(|text| text.trim_end().to_owned());
        let colour = VIRIDIS[step * (VIRIDIS.len() - 1) / levels.len().max(1)];
        Mark { property: "step", value: step.to_string(), title, colour, shape: "fill" }
    };
    (0..=levels.len()).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(colour: &str) -> [f64; 3] {
        let part = |place: usize| f64::from(u8::from_str_radix(&colour[place..place + 2], 16).unwrap()) / 255.0;
        let linear = |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        [1, 3, 5].map(|place| linear(part(place)))
    }

    fn times(matrix: [[f64; 3]; 3], of: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(of).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
    }

    /// CIELAB under D65.
    fn lab(linear: [f64; 3]) -> [f64; 3] {
        let xyz = times([[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0178, 0.1095, 0.8727]], linear);
        let f = xyz.map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
        [116.0 * f[1] - 16.0, 500.0 * (f[0] - f[1]), 200.0 * (f[1] - f[2])]
    }

    /// The eyes of most, of those without red and of those without green cones: Viénot, Brettel and Mollon 1999.
    const EYES: [[[f64; 3]; 3]; 3] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
        [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    ];

    #[test]
    fn everybody_can_tell_the_steps_apart() {
        let ordered = [Layer::Roads, Layer::Rivers].into_iter().chain(Field::ALL.map(Layer::Surface));
        for layer in ordered {
            let legend = layer.legend();
            for eyes in EYES {
                for (place, mark) in legend.iter().enumerate() {
                    for other in &legend[..place] {
                        let (a, b) = (lab(times(eyes, rgb(mark.colour))), lab(times(eyes, rgb(other.colour))));
                        let apart = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        // Twice what is just noticed.
                        assert!(apart > 5.0, "{}: {} and {}: {apart}", layer.id(), mark.colour, other.colour);
                    }
                }
            }
        }
    }

    #[test]
    fn steps_stand_out_from_a_dark_wall() {
        // The pages' dark ground.
        let luminance =
            |colour: &str| rgb(colour).iter().zip([0.2126, 0.7152, 0.0722]).map(|(a, b)| a * b).sum::<f64>();
        let ground = luminance("#0c1418");
        for layer in [Layer::Roads, Layer::Rivers].into_iter().chain(Field::ALL.map(Layer::Surface)) {
            for mark in layer.legend() {
                let contrast = (luminance(mark.colour) + 0.05) / (ground + 0.05);
                assert!(contrast > 2.0, "{}: {} {contrast}", layer.id(), mark.colour);
            }
        }
    }

    #[test]
    fn states_differ_in_shape_and_colour() {
        for layer in Layer::all().filter(|layer| !matches!(layer, Layer::Surface(_))) {
            let legend = layer.legend();
            for (place, mark) in legend.iter().enumerate() {
                let others = &legend[..place];
                assert!(others.iter().all(|other| other.shape != mark.shape && other.colour != mark.colour));
            }
        }
    }

    #[test]
    fn every_layer_has_a_name_of_its_own() {
        let mut ids: Vec<&str> = Layer::all().map(Layer::id).collect();
        assert!(ids.iter().all(|id| Layer::named(id).is_some_and(|layer| layer.id() == *id)));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Layer::all().count());
    }
}
