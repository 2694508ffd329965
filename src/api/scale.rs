//! What the values of indices mean: names and colours in both languages.

use serde::Serialize;
use utoipa::ToSchema;

use super::features::Name;
use crate::indices::config::{About, Config, output};
use crate::indices::level_of_service::LevelOfService;
use crate::indices::rain::WINDOWS;
use crate::indices::{chandler, fire_danger_p, vn_aqi};
use crate::model::{Station, Unit};

/// A step of a scale.
#[derive(Clone, Serialize, ToSchema)]
pub struct Step {
    /// Where it ends, this value included (50, 75 and 90 of cbi are in the step above); null for the last.
    pub to: Option<f64>,
    /// What it means.
    pub title: Name,
    /// As #rrggbb.
    #[schema(example = "#00e400")]
    pub colour: String,
}

fn name(vi: &str, en: &str) -> Name {
    Name { vi: vi.to_owned(), en: en.to_owned() }
}

fn step(to: Option<f64>, vi: &str, en: &str, [red, green, blue]: [u8; 3]) -> Step {
    Step { to, title: name(vi, en), colour: format!("#{red:02x}{green:02x}{blue:02x}") }
}

/// Every index that the configuration asks for, with what is said of it.
pub fn computed(config: &Config) -> Vec<(&'static str, &About)> {
    let mut found: Vec<(&'static str, &About)> = Vec::new();
    if let Some(vn_aqi) = &config.vn_aqi {
        found.extend([output::VN_AQI, output::VN_AQI_DAILY].map(|id| (id, &vn_aqi.about)));
    }
    if let Some(p) = &config.fire_danger_p {
        found.extend([output::FIRE_DANGER_P, output::FIRE_DANGER_LEVEL].map(|id| (id, &p.about)));
    }
    found.extend(config.fwi.iter().flat_map(|fwi| output::FWI.map(|id| (id, &fwi.about))));
    found.extend(config.cbi.iter().map(|cbi| (output::CBI, &cbi.about)));
    found.extend(config.level_of_service.iter().map(|service| (output::LEVEL_OF_SERVICE, &service.about)));
    if let Some(rain) = &config.rain {
        let wanted = WINDOWS.iter().filter(|(hours, _)| rain.hours.contains(hours));
        found.extend(wanted.map(|(_, id)| (*id, &rain.about)));
    }
    found.extend(config.river_alarm.iter().map(|river| (output::RIVER_ALARM_STAGE, &river.about)));
    found.extend(config.landslide_rain.iter().map(|landslide| (output::LANDSLIDE_RAIN_MARGIN, &landslide.about)));
    found
}

/// What an index is called, and its unit.
pub fn title(id: &str) -> (Name, Unit) {
    let hours = WINDOWS.iter().find(|(_, name)| *name == id).map(|(hours, _)| *hours);
    if let Some(hours) = hours {
        let title = name(&format!("Lượng mưa {hours} giờ"), &format!("Rain of {hours} h"));
        return (title, Unit::Millimetre);
    }
    let title = match id {
        output::VN_AQI => name("Chỉ số chất lượng không khí giờ (VN_AQI)", "Air quality index of the hour (VN_AQI)"),
        output::VN_AQI_DAILY => {
            name("Chỉ số chất lượng không khí ngày (VN_AQI)", "Air quality index of the day (VN_AQI)")
        }
        output::FIRE_DANGER_P => name("Chỉ số nguy cơ cháy rừng P", "Forest fire danger P"),
        output::FIRE_DANGER_LEVEL => name("Cấp dự báo cháy rừng", "Forest fire danger level"),
        output::CBI => name("Chỉ số cháy Chandler", "Chandler burning index"),
        output::LEVEL_OF_SERVICE => name("Mức phục vụ giao thông", "Level of service"),
        output::RIVER_ALARM_STAGE => name("Cấp báo động lũ", "River alarm stage"),
        output::LANDSLIDE_RAIN_MARGIN => {
            let title = name("Mưa vượt ngưỡng sạt lở", "Rain above the landslide threshold");
            return (title, Unit::Millimetre);
        }
        "ffmc" => name("Mã ẩm vật liệu mịn (FFMC)", "Fine fuel moisture code (FFMC)"),
        "dmc" => name("Mã ẩm lớp mùn (DMC)", "Duff moisture code (DMC)"),
        "dc" => name("Mã khô hạn (DC)", "Drought code (DC)"),
        "isi" => name("Chỉ số lan ban đầu (ISI)", "Initial spread index (ISI)"),
        "bui" => name("Chỉ số tích luỹ (BUI)", "Build-up index (BUI)"),
        _ => name("Chỉ số thời tiết cháy (FWI)", "Fire weather index (FWI)"),
    };
    (title, Unit::One)
}

/// An index's scale, where a station stands when its tables depend on that; empty for an amount.
pub fn steps(id: &str, config: &Config, station: Option<&Station>) -> Vec<Step> {
    match id {
        output::VN_AQI | output::VN_AQI_DAILY => {
            vn_aqi::LEVELS.iter().map(|level| step(Some(level.to.into()), level.vi, level.en, level.rgb)).collect()
        }
        output::FIRE_DANGER_P => {
            let Some(settings) = &config.fire_danger_p else { return Vec::new() };
            let (scale, _) = settings.tables(station.and_then(|station| station.area.as_ref()));
            let ends = scale.0.into_iter().map(Some).chain([None]);
            ends.zip(fire_danger_p::LEVELS).map(|(end, level)| danger(end, level)).collect()
        }
        output::FIRE_DANGER_LEVEL => {
            let ends = (1..=5).map(|end| Some(f64::from(end)));
            ends.zip(fire_danger_p::LEVELS).map(|(end, level)| danger(end, level)).collect()
        }
        "fwi" => {
            let Some(settings) = &config.fwi else { return Vec::new() };
            let ends = settings.classes.0.into_iter().map(Some).chain([None]);
            let names = [
                ("Rất thấp", "Very low", [0, 110, 60]),
                ("Thấp", "Low", [0, 153, 68]),
                ("Trung bình", "Moderate", [255, 214, 10]),
                ("Cao", "High", [255, 126, 0]),
                ("Rất cao", "Very high", [220, 0, 20]),
                ("Cực kỳ cao", "Extreme", [120, 0, 60]),
            ];
            ends.zip(names).map(|(end, (vi, en, rgb))| step(end, vi, en, rgb)).collect()
        }
        output::CBI => {
            let ends = chandler::CLASSES.iter().skip(1).map(|class| Some(class.from)).chain([None]);
            ends.zip(chandler::CLASSES).map(|(end, class)| step(end, class.vi, class.en, class.rgb)).collect()
        }
        output::LEVEL_OF_SERVICE => LevelOfService::ALL
            .iter()
            .map(|level| {
                let ((vi, en), letter) = (level.words(), level.letter());
                let end = Some(f64::from(level.number()));
                step(end, &format!("{letter}: {vi}"), &format!("{letter}: {en}"), level.rgb())
            })
            .collect(),
        output::RIVER_ALARM_STAGE => {
            let names = [
                ("Dưới báo động 1", "Below alarm 1", [62, 142, 208]),
                ("Báo động 1", "Alarm 1", [255, 214, 10]),
                ("Báo động 2", "Alarm 2", [255, 126, 0]),
                ("Báo động 3", "Alarm 3", [220, 0, 20]),
            ];
            names.iter().zip(0..).map(|((vi, en, rgb), end)| step(Some(f64::from(end)), vi, en, *rgb)).collect()
        }
        _ => Vec::new(),
    }
}

fn danger(end: Option<f64>, level: fire_danger_p::Level) -> Step {
    let roman = level.roman;
    step(end, &format!("{roman}: {}", level.vi), &format!("{roman}: {}", level.en), level.rgb)
}

/// What a value at a station means.
pub fn step_of(id: &str, config: &Config, station: &Station, value: f64) -> Option<Step> {
    if id == output::CBI {
        let class = chandler::class(value);
        return Some(step(None, class.vi, class.en, class.rgb));
    }
    steps(id, config, Some(station)).into_iter().find(|step| step.to.is_none_or(|to| value <= to))
}
