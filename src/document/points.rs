//! Lists of points: pairs of numbers, as GeoJSON writes positions.

use toml::Spanned;
use toml::de::DeValue;

use super::{Need, Section};

impl Section<'_, '_> {
    /// A list of pairs of finite numbers; empty when absent.
    pub fn points(&mut self, key: &'static str) -> Vec<[f64; 2]> {
        let Some(value) = self.value(key, Need::Optional) else { return Vec::new() };
        let number = |item: &Spanned<DeValue<'_>>| {
            let text = match item.get_ref() {
                DeValue::Float(float) => float.as_str(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
                _ => return None,
            };
            text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite())
        };
        let point = |item: &Spanned<DeValue<'_>>| {
            let pair = item.get_ref().as_array()?;
            if pair.len() != 2 {
                return None;
            }
            Some([number(pair.first()?)?, number(pair.last()?)?])
        };
        let items = value.get_ref().as_array();
        match items.and_then(|items| items.iter().map(point).collect::<Option<Vec<_>>>()) {
            Some(points) => points,
            None => {
                self.wrong(key, "a list of pairs of numbers, such as [[103.4, 22.5], [103.5, 22.6]]", value.get_ref());
                Vec::new()
            }
        }
    }
}
