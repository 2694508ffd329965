#!/bin/sh
# The shipped rules of fire weather (config/rules/fire.toml) over the recorded weather of Newark airport, 2013: how often they
# would have raised an alert. Everything happens in a folder of its own that is thrown away.
#
#   make backtest-fire          or, with a binary that is built: tests/backtest/fire.sh target/debug/saola [--json]
#
# Levels and indices of the day are computed by `saola index` from the readings at 13:00 (P) and 12:00 (FWI) of Newark's
# standard time and the rain of the 24 hours before, and imported beside the readings. The file's one impossible wind is
# left out, as the service would refuse it. Newark is not Lai Châu: the numbers show what the rules do with a real year.
set -eu
saola=$(realpath "$1")
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
csv=$root/tests/fixtures/recorded/weather_nyc_ewr_hourly_2013.csv
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/province/stations" "$work/province/rules"
cp -r "$root/config/areas" "$work/province/areas"
cp "$root/config/rules/fire.toml" "$work/province/rules/"
: > "$work/province/quality.toml"
cat > "$work/saola.toml" <<CONFIG
data_dir = "$work/data"
province_dir = "$work/province"
log = "error"
CONFIG

channel() {
    printf '[[station.channel]]\nproperty = "%s"\nunit = "%s"\ninterval = "%s"\nmin = %s\nmax = %s\n\n' "$@"
}
{
    printf '[[station]]\nid = "REC-EWR"\nkind = "weather"\nname = { vi = "EWR 2013", en = "EWR 2013" }\n'
    printf 'lon = 103.4710\nlat = 22.3780\nlink = "wired"\n\n'
    channel air_temperature Cel 3600s -40 50
    channel relative_humidity % 3600s 0 100
    channel wind_speed m/s 3600s 0 75
    channel cbi 1 3600s -1000 1000
    channel fire_danger_p 1 1d 0 1000000
    channel fire_danger_level 1 1d 1 5
    channel fwi 1 1d 0 1000
} > "$work/province/stations/ewr.toml"

# One row a day at an hour of UTC: month, temperature, humidity, wind in km/h, rain of 24 hours.
daily() {
    awk -F, -v hour="$1" '
        NR == 1 { print "time_utc,month,temp_c,rh_pct,wind_kmh,rain_mm"; next }
        $7 <= 75 {
            rain[NR % 24] = $9; sum = 0
            for (i in rain) sum += rain[i]
            if (substr($1, 12, 2) == hour)
                printf "%s,%d,%s,%s,%.3f,%.2f\n", $1, substr($1, 6, 2), $3, $5, $7 * 3.6, sum
        }' "$csv"
}
daily 18 > "$work/daily13.csv"
daily 17 > "$work/daily12.csv"
"$saola" index fire_danger_p "$work/daily13.csv" > "$work/danger.csv"
"$saola" index fwi --latitude 40.7 "$work/daily12.csv" > "$work/fwi.csv"
"$saola" index cbi "$csv" > "$work/cbi.csv"

map() {
    printf '[time]\ncolumn = "time_utc"\n\n[station]\nfixed = "REC-EWR"\n'
    while [ $# -gt 0 ]; do
        printf '\n[[column]]\nname = "%s"\nproperty = "%s"\n' "$1" "$2"
        shift 2
    done
}
map temp_c air_temperature rh_pct relative_humidity wind_speed_ms wind_speed cbi cbi > "$work/hourly.toml"
map P_vn fire_danger_p level_table_B_1000_2500_5000_10000 fire_danger_level > "$work/danger.toml"
map fwi_xclim fwi > "$work/fwi.toml"
bring_in() {
    # 65: a row was refused (the impossible wind), all else is in.
    "$saola" import --config "$work/saola.toml" --format csv --map "$1" "$2" > "$work/import.txt" || [ $? -eq 65 ] ||
        { cat "$work/import.txt"; exit 1; }
}
bring_in "$work/hourly.toml" "$work/cbi.csv"
bring_in "$work/danger.toml" "$work/danger.csv"
bring_in "$work/fwi.toml" "$work/fwi.csv"
"$saola" rules backtest --config "$work/saola.toml" --rule "$root/config/rules/fire.toml" \
    --from 2013-01-01T06:00:00Z --to 2013-12-31T00:00:00Z --tz America/New_York "$@"
