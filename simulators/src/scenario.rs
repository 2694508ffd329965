//! Scenario files (`simulators/scenarios/*.toml`): what happens in the province, and when.
//!
//! # Two times
//!
//! *Real time* is what messages carry and what freshness is judged by. *Phenomenon time* is what the weather, the
//! rivers and the traffic live in; it runs `speed` times faster. It begins at `origin` (a local date and time) or,
//! without one, at the real start, so that a scenario at speed 1 without an origin is the province right now.
//! Events (`at`, `repeat`, `growth`, …) are in phenomenon time counted from its beginning; faults are of devices and
//! therefore in real time. A device publishes every `interval / speed` of real time, but not more often than
//! `fastest` and never less often than its interval. Amounts (rain since the last report) are of phenomenon time.

use serde::Deserialize;

use crate::span::Span;

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, or not a scenario.
    #[error("scenario {name} is not valid: {source}")]
    Malformed {
        /// Which one.
        name: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// No such scenario is shipped and no such file exists.
    #[error("no scenario is named `{name}`: shipped are {shipped}; or give the path of a .toml file")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        shipped: String,
    },
}

/// What happens, and when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What a viewer will see, in a sentence.
    pub about: String,
    /// Local date and time at which phenomenon time begins; the real start when absent.
    pub origin: Option<jiff::civil::DateTime>,
    /// Phenomenon seconds in a real second, unless the command line says another.
    #[serde(default = "one")]
    pub speed: f64,
    /// No device publishes more often than this, in real time.
    #[serde(default = "five_seconds")]
    pub fastest: Span,
    /// The ordinary wind.
    #[serde(default)]
    pub wind: Wind,
    /// 0 for clear air, 1 for a valley inversion that holds the smoke down.
    #[serde(default)]
    pub inversion: f64,
    /// Weather fronts.
    #[serde(rename = "front", default)]
    pub fronts: Vec<Front>,
    /// Rain storms.
    #[serde(rename = "storm", default)]
    pub storms: Vec<Storm>,
    /// Forest fires.
    #[serde(rename = "fire", default)]
    pub fires: Vec<Fire>,
    /// Landslides onto a road.
    #[serde(rename = "slide", default)]
    pub slides: Vec<Slide>,
    /// Faulty devices.
    #[serde(rename = "fault", default)]
    pub faults: Vec<Fault>,
}

/// The ordinary wind.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wind {
    /// Mean speed, m/s.
    pub speed_ms: f64,
    /// Where it comes from, degrees.
    pub from_deg: f64,
}

impl Default for Wind {
    fn default() -> Self {
        Self { speed_ms: 2.5, from_deg: 240.0 }
    }
}

/// When an event happens.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// First time, from the beginning; negative: it is already going on.
    pub at: Span,
    /// Again after this long, for ever; once when absent.
    pub repeat: Option<Span>,
}

/// A line of weather that crosses the province.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// When it stands at its starting line, `ahead_km` before the province's middle.
    pub when: When,
    /// Distance from the starting line to the province's middle, km.
    pub ahead_km: f64,
    /// Direction of travel, degrees from north.
    pub toward_deg: f64,
    /// Speed, km/h.
    pub speed_kmh: f64,
    /// Half the width of its rain, km.
    pub width_km: f64,
    /// Rain on the line, mm/h.
    pub rain_mm_h: f64,
    /// How much colder it is behind, °C.
    pub cooling: f64,
    /// Gusts on the line, m/s.
    pub gust_ms: f64,
}

/// A cell of heavy rain that drifts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// When it begins.
    pub when: When,
    /// Where it begins, degrees east and north.
    pub place: [f64; 2],
    /// Radius of its rain, km.
    pub radius_km: f64,
    /// Rain in its middle, mm/h.
    pub rain_mm_h: f64,
    /// How long it rains.
    pub lasts: Span,
    /// Direction of travel, degrees from north.
    pub toward_deg: f64,
    /// Speed, km/h.
    pub speed_kmh: f64,
}

/// A forest fire.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fire {
    /// When it is lit.
    pub when: When,
    /// Where; each repetition takes the next place.
    pub places: Vec<[f64; 2]>,
    /// Time until it burns fully.
    pub growth: Span,
    /// Time until it is put out.
    pub lasts: Span,
    /// How fast its head runs before the wind, km/h.
    pub spread_kmh: f64,
}

/// Ground that comes down onto a road.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slide {
    /// When.
    pub when: When,
    /// Where, degrees east and north.
    pub place: [f64; 2],
    /// How long the road stays closed.
    pub closed: Span,
}

/// What a faulty device does wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It publishes nothing.
    Silence,
    /// Its values do not move.
    Stuck,
    /// Now and then a value is far off, plausible or not.
    Spike,
    /// Its clock is wrong by `amount`.
    ClockSkew,
    /// It publishes every message twice.
    Duplicate,
    /// It publishes two messages at a time, the newer first.
    OutOfOrder,
    /// It publishes what is no message; every class in turn.
    Malformed,
    /// It hands in all readings of the past `amount` at once, when the fault begins.
    Backlog,
}

/// Devices that go wrong.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What they do.
    pub kind: FaultKind,
    /// Station names; `*` at the end stands for any ending. Empty: a `share` of the fleet.
    #[serde(default)]
    pub stations: Vec<String>,
    /// Share of the fleet, chosen by the seed, when no station is named.
    #[serde(default = "twentieth")]
    pub share: f64,
    /// When it begins, in real time from the start.
    #[serde(default)]
    pub after: Span,
    /// How long it lasts, in real time; for ever when absent.
    pub lasts: Option<Span>,
    /// Again after this long; once when absent.
    pub repeat: Option<Span>,
    /// Clock skew (default -2 h) or length of a backlog (default 60 d).
    pub amount: Option<Span>,
}

impl Fault {
    /// The fault of a kind with its defaults: a twentieth of the fleet, from the start, for ever.
    pub fn of(kind: FaultKind) -> Self {
        Self {
            kind,
            stations: Vec::new(),
            share: twentieth(),
            after: Span(0.0),
            lasts: None,
            repeat: None,
            amount: None,
        }
    }
}

impl FaultKind {
    /// Every kind with its name in files and on the command line.
    pub const ALL: [(&'static str, FaultKind); 8] = [
        ("silence", FaultKind::Silence),
        ("stuck", FaultKind::Stuck),
        ("spike", FaultKind::Spike),
        ("clock_skew", FaultKind::ClockSkew),
        ("duplicate", FaultKind::Duplicate),
        ("out_of_order", FaultKind::OutOfOrder),
        ("malformed", FaultKind::Malformed),
        ("backlog", FaultKind::Backlog),
    ];

    /// From its name.
    pub fn named(name: &str) -> Option<FaultKind> {
        Self::ALL.iter().find(|(word, _)| *word == name).map(|(_, kind)| *kind)
    }
}

/// Reads a scenario; `name` is for the message.
pub fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    toml::from_str(text).map_err(|source| ScenarioError::Malformed { name: name.to_owned(), source: Box::new(source) })
}

fn one() -> f64 {
    1.0
}

fn five_seconds() -> Span {
    Span(5.0)
}

fn twentieth() -> f64 {
    0.05
}
