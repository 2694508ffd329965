//! Variables that go before the file.

use toml::Spanned;
use toml::de::DeValue;

use super::draft::Draft;

/// The names that containers and `make demo` use.
const SHORT: [(&str, &[&str]); 3] =
    [("SAOLA_HTTP", &["http", "listen"]), ("SAOLA_MQTT", &["mqtt", "edge", "listen"]), ("SAOLA_DATA", &["data_dir"])];
/// Any other key: its path in capitals.
const LONG: &str = "SAOLA__";

/// The variables of this process that may mean us. A value that is not UTF-8 is shown with its wrong bytes replaced,
/// and so refused by whatever reads it.
pub(super) fn of_process() -> Vec<(String, String)> {
    let ours = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    ours.filter(|(name, _)| name.starts_with("SAOLA_")).collect()
}

/// Lays the variables over the file; long names after short ones, so they win.
pub(super) fn lay_over<'t>(draft: &mut Draft<'t>, variables: &'t [(String, String)]) {
    for (name, path) in SHORT {
        for (_, text) in variables.iter().filter(|(found, _)| found == name) {
            draft.lay_over(name, path, DeValue::String(text.as_str().into()));
        }
    }
    let mut long: Vec<&(String, String)> = variables.iter().filter(|(name, _)| name.starts_with(LONG)).collect();
    long.sort();
    for (name, text) in long {
        let key = name.trim_start_matches(LONG).to_ascii_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        draft.lay_over(name, &path, value(text));
    }
}

/// TOML when it can be read as such, else a text: `7`, `true`, `["a"]`, `15m`. A date is a text too, as no key is one.
pub(super) fn value(text: &str) -> DeValue<'_> {
    match DeValue::parse(text.trim()).map(Spanned::into_inner) {
        Ok(DeValue::Datetime(_)) | Err(_) => DeValue::String(text.into()),
        Ok(value) => value,
    }
}
