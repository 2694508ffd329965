//! The national grid.

use super::table::{Sign, Table, fixed_or_blank};
use crate::geodesy::vn2000::tm3_103;

/// Longitude and latitude to east and north; a place outside the zone is a mistake.
pub(super) fn vn2000(table: &mut Table) {
    let needed = [table.need(&["lon_wgs84", "lon"]), table.need(&["lat_wgs84", "lat"])];
    let [Some(lon), Some(lat)] = needed else { return };
    let (mut easts, mut norths) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    for row in 0..table.len() {
        let place = table.numbers(row, [(lon, Sign::Any), (lat, Sign::Any)]);
        let found = place.and_then(|[lon, lat]| match tm3_103(lat, lon) {
            Ok(found) => Some(found),
            Err(error) => {
                table.mistake(table.line(row), None, &error.to_string());
                None
            }
        });
        easts.push(fixed_or_blank(found.map(|(east, _)| east), 3));
        norths.push(fixed_or_blank(found.map(|(_, north)| north), 3));
    }
    table.put("easting_epsg9205_m", easts);
    table.put("northing_epsg9205_m", norths);
}
