//! The station file of the load's devices, for a registry that wants to know them.

use std::fmt::Write;

/// Devices that five digits can name.
pub const DEVICES_MAX: u32 = 100_000;

/// `[[station]]` of `load-00000` and so on, on a grid in the middle of the province.
pub fn file(devices: u32) -> String {
    let mut text = String::from(
        "# Devices of `saola-sim load`: they stand on a grid, not at real places. For measurements only.\n",
    );
    for device in 0..devices.min(DEVICES_MAX) {
        let (lon, lat) = (103.30 + f64::from(device % 300) * 0.001, 22.20 + f64::from(device / 300 % 150) * 0.001);
        let _ = write!(
            text,
            "\n[[station]]\nid = \"load-{device:05}\"\nkind = \"weather\"\n\
             name = {{ vi = \"Thiết bị đo tải {device}\", en = \"Load device {device}\" }}\n\
             lon = {lon:.4}\nlat = {lat:.4}\nlink = \"cellular\"\n"
        );
        for (property, unit, min, max) in [
            ("air_temperature", "Cel", -20, 60),
            ("relative_humidity", "%", 0, 100),
            ("wind_speed", "m/s", 0, 75),
            ("air_pressure", "hPa", 500, 1100),
        ] {
            let _ = write!(
                text,
                "[[station.channel]]\nproperty = \"{property}\"\nunit = \"{unit}\"\ninterval = \"60s\"\nmin = {min}\nmax = {max}\n"
            );
        }
    }
    text
}
