//! The JSON documents of history, for the API's description: they are written by [`super::text`], never as a whole.

use serde::Serialize;
use utoipa::ToSchema;

/// Samples or buckets by channel.
#[derive(Serialize, ToSchema)]
pub struct HistoryDocument {
    /// The length of buckets; absent for raw samples, as are the following members up to `channels`.
    #[schema(required = false, example = "1d")]
    every: String,
    /// The zone of buckets and times.
    #[schema(required = false, example = "Asia/Ho_Chi_Minh")]
    tz: String,
    /// The first instant asked about.
    #[schema(required = false, format = DateTime)]
    from: String,
    /// The first instant not asked about.
    #[schema(required = false, format = DateTime)]
    to: String,
    /// The functions, in the asked order.
    #[schema(required = false)]
    functions: Vec<String>,
    /// Which samples count: good or all.
    #[schema(required = false, example = "good")]
    quality: String,
    /// The limit of exceedance_hours that higher values exceed.
    #[schema(required = false)]
    above: f64,
    /// The limit of exceedance_hours that lower values exceed.
    #[schema(required = false)]
    below: f64,
    /// The period compared with.
    #[schema(required = false)]
    compare: ComparedPeriod,
    /// The asked channels, in the asked order.
    channels: Vec<HistorySeries>,
    /// Pass it as `next` for the following rows; null when there are no more.
    next: Option<String>,
}

/// The period compared with.
#[derive(Serialize, ToSchema)]
pub struct ComparedPeriod {
    /// Its first instant.
    #[schema(format = DateTime)]
    from: String,
    /// The first instant after it.
    #[schema(format = DateTime)]
    to: String,
}

/// One channel's samples or buckets.
#[derive(Serialize, ToSchema)]
pub struct HistorySeries {
    /// STATION/PROPERTY.
    #[schema(example = "RV-NAMNA-01/water_level")]
    channel: String,
    /// UCUM code of the values' unit.
    #[schema(example = "m")]
    unit: String,
    /// What the answer was made from: raw, minute, hour or day; several with commas. It changes nothing but rounding.
    #[schema(example = "hour")]
    tier: String,
    /// What lies before was deleted for its age, as far as this answer needed it; absent when nothing asked for was.
    #[schema(required = false, format = DateTime)]
    kept_since: String,
    /// The samples, oldest first; absent when buckets were asked for.
    #[schema(required = false)]
    samples: Vec<HistorySample>,
    /// The buckets, oldest first, empty ones among them; absent when raw samples were asked for.
    #[schema(required = false)]
    buckets: Vec<HistoryBucket>,
    /// How many samples or buckets there are in this answer.
    count: u64,
}

/// One sample.
#[derive(Serialize, ToSchema)]
pub struct HistorySample {
    /// When it was observed (phenomenon time).
    #[schema(format = DateTime)]
    time: String,
    /// The value as it was stored, in the channel's unit.
    value: f64,
    /// good, or the worst that is to be said against the value: bad, fault, maintenance, calibrating, spike, stuck, rate,
    /// range, estimated. Buckets are made from good samples unless `quality=all` is asked.
    #[schema(example = "good")]
    quality: String,
}

/// One bucket, `time` <= observed < `end`. Besides the members below it has one for each function asked, by its name
/// (null when no sample says anything). With a comparison it has the same again as `compare_…` for the bucket of the
/// same number in the other period, and `difference_…` (asked minus compared); a period that has fewer buckets is null
/// from there on.
#[derive(Serialize, ToSchema)]
pub struct HistoryBucket {
    /// Its first instant.
    #[schema(format = DateTime)]
    time: String,
    /// The mean, when no function was asked for.
    #[schema(required = false)]
    value: Option<f64>,
    /// Samples that count.
    count: u64,
    /// Samples expected from the channel's interval, up to now.
    expected: u64,
    /// The part of the expected samples that counts, 0 to 1; null when none is expected.
    completeness: Option<f64>,
    /// The worst quality of any sample, those left out included; null without any.
    worst_quality: Option<String>,
    /// Samples left out since they are not good.
    left_out: u64,
    /// The first instant after it.
    #[schema(format = DateTime)]
    end: String,
    /// Cut by `from` or `to`, not over yet, or before `kept_since`.
    partial: bool,
}

/// Buckets by area. Members before `areas` are as in the answer about channels.
#[derive(Serialize, ToSchema)]
pub struct AreaHistoryDocument {
    /// STATION/PROPERTY's second part.
    #[schema(example = "pm2_5")]
    property: String,
    /// Level of the areas: province, commune, district, or one of the forest's.
    #[schema(example = "commune")]
    level: String,
    /// The length of buckets.
    #[schema(example = "1d")]
    every: String,
    /// The zone of buckets and times.
    tz: String,
    /// The date whose boundaries were asked for; absent for those in force.
    #[schema(required = false, example = "2025-06-30")]
    boundaries: String,
    /// The first instant asked about.
    #[schema(format = DateTime)]
    from: String,
    /// The first instant not asked about.
    #[schema(format = DateTime)]
    to: String,
    /// The functions, in the asked order.
    functions: Vec<String>,
    /// Which samples count: good or all.
    quality: String,
    /// The areas of the level that the caller may see and that have a station with the property.
    areas: Vec<AreaHistorySeries>,
    /// Pass it as `next` for the following rows; null when there are no more.
    next: Option<String>,
}

/// One area's buckets.
#[derive(Serialize, ToSchema)]
pub struct AreaHistorySeries {
    /// Official code.
    #[schema(example = "03388")]
    area: String,
    /// Its name.
    #[schema(value_type = Object, example = json!({"vi": "Xã Bum Tở", "en": "Bum To commune"}))]
    name: String,
    /// UCUM code of the values' unit.
    unit: String,
    /// Where several areas of the asked date lie in one of today and nobody has the polygons that tell which of them a
    /// station stood in: those areas, each with `area` and `name`. `area` is the one of today then, and the buckets are
    /// those of all of them together. Absent where the area is the one of the date.
    #[schema(required = false, value_type = Vec<Object>)]
    merges: String,
    /// Codes of areas of today into which a part of this one went and that are told under `merges`, since nobody knows
    /// where in them it lay: stations of this area may be among theirs, and are not among its own. Absent when the numbers
    /// are those of the whole area.
    #[schema(required = false, value_type = Vec<String>, example = json!(["03408"]))]
    also_in: String,
    /// What the buckets were made from: raw, minute, hour or day; several with commas.
    tier: String,
    /// What lies before was deleted for its age at one station at the least; absent when nothing asked for was.
    #[schema(required = false, format = DateTime)]
    kept_since: String,
    /// The buckets, oldest first.
    buckets: Vec<AreaHistoryBucket>,
    /// How many buckets there are in this answer.
    count: u64,
}

/// One bucket of an area. First each station's value is made, then over those: `mean` is the mean of the stations'
/// means, `min` and `max` are the lowest and highest, `sum`, `count` and `delta` are added up.
#[derive(Serialize, ToSchema)]
pub struct AreaHistoryBucket {
    /// Its first instant.
    #[schema(format = DateTime)]
    time: String,
    /// The mean, when no function was asked for.
    #[schema(required = false)]
    value: Option<f64>,
    /// Samples that count, of all stations.
    count: u64,
    /// Samples expected of all stations, up to now.
    expected: u64,
    /// The part of the expected samples that counts, 0 to 1, station by station; null when none is expected.
    completeness: Option<f64>,
    /// The worst quality of any sample; null without any.
    worst_quality: Option<String>,
    /// Stations with a sample that counts.
    stations: u64,
    /// Those, and those that are expected to have one (retired stations are not).
    stations_expected: u64,
    /// Samples left out since they are not good.
    left_out: u64,
    /// The first instant after it.
    #[schema(format = DateTime)]
    end: String,
    /// Cut by `from` or `to`, not over yet, or before `kept_since`.
    partial: bool,
}
