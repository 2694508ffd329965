//! Fire danger, day by day: each row goes on from the one before it.

use super::table::{Sign, Table, fixed, fixed_or_blank};
use crate::indices::fire_danger_p::{self, Scale};
use crate::indices::fwi::{Codes, Constant, Noon};
use crate::indices::moisture::{dew_point, saturation_deficit, saturation_pressure};
use crate::indices::quantity::{Celsius, KilometresPerHour, Latitude, Millimetres, Month, Percent};
use crate::indices::{chandler, nesterov};

const TEMPERATURE: [&str; 2] = ["t13_c", "temp_c"];
const HUMIDITY: [&str; 2] = ["rh13_pct", "rh_pct"];
const RAIN: [&str; 2] = ["rain_24h_mm", "rain_mm"];

/// Viet Nam's P on both scales, and the classic Nesterov index beside it.
pub(super) fn danger_p(table: &mut Table, limit: Millimetres) {
    let columns = [table.need(&TEMPERATURE), table.need(&HUMIDITY), table.need(&RAIN)];
    let [Some(temperature), Some(humidity), Some(rain)] = columns else { return };
    let mut columns: [Vec<String>; 8] = std::array::from_fn(|_| Vec::with_capacity(table.len()));
    let (mut p, mut classic) = (0.0, 0.0);
    for row in 0..table.len() {
        let t = table.number(row, temperature, Sign::Any).map(Celsius);
        let h = table.number(row, humidity, Sign::Percent).map(Percent);
        let rain = table.number(row, rain, Sign::NotNegative).map(Millimetres);
        let resets = rain.map(|rain| fire_danger_p::resets(rain, limit));
        let air = t.zip(h);
        let today = match (air, rain) {
            (Some((temperature, humidity)), Some(rain)) => {
                let day = fire_danger_p::Day { temperature, humidity, rain };
                classic = nesterov::step(classic, temperature, humidity, rain);
                Some((fire_danger_p::step(p, &day, limit), Some(classic)))
            }
            // Rain that resets P does so whatever the air was.
            (None, Some(_)) if resets == Some(true) => Some((0.0, None)),
            _ => None,
        };
        p = today.map_or(p, |(today, _)| today);
        let level = |scale: Scale| today.map_or_else(String::new, |(p, _)| scale.level(p).to_string());
        let dew = air.and_then(|(t, h)| dew_point(t, h)).map(|dew| dew.0);
        let cells = [
            fixed_or_blank(t.map(|t| saturation_pressure(t).0), 4),
            fixed_or_blank(air.map(|(t, h)| saturation_deficit(t, h).0), 4),
            resets.map_or_else(String::new, |resets| u8::from(!resets).to_string()),
            fixed_or_blank(today.map(|(p, _)| p), 3),
            level(Scale::A),
            level(Scale::B),
            fixed_or_blank(dew, 4),
            fixed_or_blank(today.and_then(|(_, classic)| classic), 3),
        ];
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
    }
    let names = [
        "es_hpa",
        "d13_hpa",
        "K",
        "P_vn",
        "level_table_A_hue2022",
        "level_table_B_1000_2500_5000_10000",
        "dewpoint_c",
        "NI_classic_reset_gt3mm",
    ];
    names.into_iter().zip(columns).for_each(|(name, cells)| table.put(name, cells));
}

/// The Canadian system with either value of its constant.
pub(super) fn fwi(table: &mut Table, latitude: Latitude) {
    let month = table.need(&["month"]);
    let needed = [&["temp_c"][..], &HUMIDITY, &["wind_kmh"], &RAIN].map(|names| table.need(names));
    let (Some(month), [Some(temperature), Some(humidity), Some(wind), Some(rain)]) = (month, needed) else { return };
    let mut days: Vec<Option<Noon>> = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let number = table.number(row, month, Sign::Any);
        let of_year = number.and_then(|number| Month::new((1.0..=12.0).contains(&number).then_some(number as u8)?));
        if let Some(number) = number.filter(|number| of_year.is_none() || number.fract() != 0.0) {
            table.mistake(table.line(row), Some(month), &format!("{number} is no month: 1 to 12"));
        }
        let (any, positive) = (Sign::Any, Sign::NotNegative);
        let weather = [(temperature, any), (humidity, Sign::Percent), (wind, positive), (rain, positive)];
        let weather = table.numbers(row, weather);
        days.push(of_year.zip(weather).map(|(month, [t, h, w, r])| {
            let (temperature, humidity) = (Celsius(t), Percent(h));
            Noon { month, temperature, humidity, wind: KilometresPerHour(w), rain: Millimetres(r) }
        }));
    }
    for (ending, constant) in [("xclim", Constant::REPORT), ("cffdrsR", Constant::CFFDRS)] {
        put_fwi(table, ending, &days, latitude, constant);
    }
}

fn put_fwi(table: &mut Table, ending: &str, days: &[Option<Noon>], latitude: Latitude, constant: Constant) {
    let mut columns: [Vec<String>; 7] = std::array::from_fn(|_| Vec::with_capacity(days.len()));
    let mut codes = Codes::START;
    for day in days {
        let today = day.map(|noon| {
            codes = codes.after(&noon, latitude, constant);
            let indices = codes.indices(noon.wind, constant);
            [codes.ffmc, codes.dmc, codes.dc, indices.isi, indices.bui, indices.fwi, indices.dsr]
        });
        for (place, column) in columns.iter_mut().enumerate() {
            column.push(fixed_or_blank(today.map(|today| today[place]), 6));
        }
    }
    let names = ["ffmc", "dmc", "dc", "isi", "bui", "fwi", "dsr"];
    names.into_iter().zip(columns).for_each(|(name, cells)| table.put(&format!("{name}_{ending}"), cells));
}

/// Chandler's index and its class.
pub(super) fn cbi(table: &mut Table) {
    let needed = [table.need(&TEMPERATURE), table.need(&HUMIDITY)];
    let [Some(temperature), Some(humidity)] = needed else { return };
    let (mut indices, mut classes) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    for row in 0..table.len() {
        let found = table.numbers(row, [(temperature, Sign::Any), (humidity, Sign::Percent)]);
        let index = found.map(|[t, h]| chandler::burning_index(Celsius(t), Percent(h)));
        indices.push(index.map_or_else(String::new, |index| fixed(index, 4)));
        classes.push(index.map_or_else(String::new, |index| chandler::class(index).en.to_owned()));
    }
    table.put("cbi", indices);
    table.put("cbi_class", classes);
}
