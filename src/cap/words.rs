//! The standard's words for ours, and what people read, in Vietnamese and English.

use super::About;
use super::message::{Kind, Message};
use crate::model::{AlertState, Severity, StationKind};

/// The languages of a message, in the order of its `info` blocks (RFC 3066).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Vietnamese,
    English,
}

impl Language {
    pub(super) const ALL: [Language; 2] = [Language::Vietnamese, Language::English];

    pub(super) fn code(self) -> &'static str {
        match self {
            Language::Vietnamese => "vi-VN",
            Language::English => "en-US",
        }
    }

    pub(super) fn of(self, name: &crate::model::LocalName) -> &str {
        match self {
            Language::Vietnamese => &name.vi,
            Language::English => &name.en,
        }
    }
}

/// CAP's category of a hazard: by the rule's cause when we know it, else by what the station is for. Floods are `Met`
/// (CAP 1.2, 3.2.2).
pub fn category(cause: &str, kind: Option<StationKind>) -> &'static str {
    match cause {
        "rain" | "river" | "flash_flood" | "heat" | "cold" | "fog" | "wind" => "Met",
        "landslide" => "Geo",
        "forest_fire" | "fire_danger" => "Fire",
        "air" => "Env",
        "forest_noise" => "Security",
        "traffic" => "Transport",
        "water_loss" | "energy_loss" => "Infra",
        _ => match kind {
            Some(StationKind::Weather | StationKind::River | StationKind::Rain) => "Met",
            Some(StationKind::Air) => "Env",
            Some(StationKind::Forest) => "Fire",
            Some(StationKind::Traffic) => "Transport",
            Some(StationKind::Meter) => "Infra",
            None => "Other",
        },
    }
}

/// Whether a cause is a hazard for people: what is wrong with our own devices is not.
pub(super) fn is_hazard(cause: &str) -> bool {
    !matches!(cause, "no_data" | "equipment")
}

pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Minor",
        Severity::Medium => "Moderate",
        Severity::High => "Severe",
        Severity::VeryHigh | Severity::Catastrophic => "Extreme",
    }
}

pub(super) fn urgency(message: &Message) -> &'static str {
    match message.state {
        _ if message.kind == Kind::Cancel => "Past",
        AlertState::Active if message.severity >= Severity::High => "Immediate",
        AlertState::Active | AlertState::Recovering | AlertState::Latched => "Expected",
        AlertState::Unknown => "Unknown",
        AlertState::Cleared => "Past",
    }
}

pub(super) fn certainty(message: &Message, is_derived: bool) -> &'static str {
    match message.state {
        AlertState::Unknown => "Unknown",
        _ if is_derived => "Likely",
        _ => "Observed",
    }
}

/// One line: what, where.
pub(super) fn headline(message: &Message, about: &About<'_>, language: Language) -> String {
    let (title, place) = (language.of(&about.alert.title), language.of(&about.place));
    match (message.kind, language) {
        (Kind::Cancel, Language::Vietnamese) => format!("Kết thúc: {title} – {place}"),
        (Kind::Cancel, Language::English) => format!("Over: {title} – {place}"),
        _ => format!("{title} – {place}"),
    }
}

/// What is known, and what it is not.
pub(super) fn description(message: &Message, about: &About<'_>, language: Language) -> String {
    let state = state(message, language);
    let value = message.value.map_or(String::new(), |value| match about.unit.code() {
        "1" => format!(" ({value})"),
        unit => format!(" ({value} {unit})"),
    });
    match language {
        Language::Vietnamese => format!(
            "{}: {state}{value}. Ngưỡng kỹ thuật của hệ thống quan trắc, không phải cấp độ rủi ro thiên tai do cơ quan \
             có thẩm quyền công bố.",
            language.of(&about.place)
        ),
        Language::English => format!(
            "{}: {state}{value}. A technical threshold of the monitoring system, not the disaster risk level that the \
             authority announces.",
            language.of(&about.place)
        ),
    }
}

fn state(message: &Message, language: Language) -> &'static str {
    let [vietnamese, english] = match message.state {
        _ if message.is_of_no_matter => ["người trực xác nhận không có sự cố", "the duty officer found nothing"],
        AlertState::Active => ["đang vượt ngưỡng", "beyond the threshold"],
        AlertState::Recovering => ["đã giảm dưới ngưỡng, đang theo dõi", "below the threshold, still watched"],
        AlertState::Unknown => ["mất dữ liệu, chưa rõ tình hình", "the data stopped, nothing is known"],
        AlertState::Latched => ["đã giảm dưới ngưỡng, chờ xác nhận", "below the threshold, waits for confirmation"],
        AlertState::Cleared => ["đã kết thúc", "over"],
    };
    if language == Language::Vietnamese { vietnamese } else { english }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_of_the_shipped_rules_has_a_category_of_its_own() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules");
        let mut seen = 0;
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")) {
            let text = std::fs::read_to_string(file).unwrap();
            let causes = text.lines().filter_map(|line| line.strip_prefix("cause = \"")?.strip_suffix('"'));
            for cause in causes.filter(|cause| is_hazard(cause)) {
                assert_ne!(category(cause, None), "Other", "{cause}");
                seen += 1;
            }
        }
        assert!(seen > 10, "{seen}");
    }
}
