//! The range of every number and every length of time, in one table: a test keeps it whole, and another holds the
//! shipped file's comments to it.

use std::fmt;

use crate::model::Span;

/// What a value may be, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// A whole number.
    Count(i64, i64),
    /// A length of time.
    Time(Span, Span),
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bounds::Count(least, most) => write!(f, "{least} to {most}"),
            Bounds::Time(least, most) => write!(f, "{least} to {most}"),
        }
    }
}

use Bounds::{Count, Time};

const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;
const TIB: i64 = 1 << 40;

const fn seconds(seconds: u64) -> Span {
    Span::from_seconds(seconds)
}

/// By the key's path without places in lists: `mqtt.client.port`.
pub const RANGES: &[(&str, Bounds)] = &[
    ("tick", Time(Span::from_millis(100), seconds(60))),
    ("http.connections_max", Count(1, 100_000)),
    ("http.header_timeout", Time(seconds(1), Span::from_minutes(5))),
    ("http.body_timeout", Time(seconds(1), Span::from_minutes(10))),
    ("http.write_timeout", Time(seconds(1), Span::from_minutes(10))),
    ("http.stop_timeout", Time(Span::ZERO, Span::from_minutes(5))),
    ("http.body_bytes_max", Count(KIB, GIB)),
    ("http.streams_max", Count(0, 100_000)),
    ("http.streams_per_address_max", Count(0, 100_000)),
    ("http.session_lifetime", Time(Span::from_minutes(1), Span::from_days(31))),
    ("mqtt.edge.limits.connections", Count(1, 1_000_000)),
    ("mqtt.edge.limits.packet_before_login_bytes", Count(64, 65_536)),
    ("mqtt.edge.limits.packet_bytes", Count(KIB, 268_435_455)),
    ("mqtt.edge.limits.partial_packets_bytes", Count(2 * KIB, TIB)),
    ("mqtt.edge.limits.outstanding", Count(1, 65_535)),
    ("mqtt.edge.limits.packets_per_second", Count(1, 10_000_000)),
    ("mqtt.edge.limits.topic_bytes", Count(1, 65_535)),
    ("mqtt.edge.limits.topic_levels", Count(1, 256)),
    ("mqtt.edge.limits.subscriptions", Count(0, 1_000)),
    ("mqtt.edge.limits.retained", Count(0, 1_000_000)),
    ("mqtt.edge.limits.alerts_waiting", Count(1, 100_000)),
    ("mqtt.edge.limits.alerts_in_flight", Count(1, 1_000)),
    ("mqtt.edge.limits.sessions", Count(0, 1_000_000)),
    ("mqtt.edge.limits.sessions_per_account", Count(0, 1_000_000)),
    ("mqtt.edge.limits.session_seconds", Count(0, 315_360_000)),
    ("mqtt.edge.limits.session_messages", Count(1, 60_000)),
    ("mqtt.edge.limits.session_bytes", Count(KIB, GIB)),
    ("mqtt.edge.limits.sessions_bytes", Count(KIB, TIB)),
    ("mqtt.edge.limits.connect_seconds", Count(1, 60)),
    ("mqtt.edge.limits.tls_handshake_seconds", Count(1, 60)),
    ("mqtt.edge.limits.login_seconds", Count(1, 60)),
    ("mqtt.edge.limits.logins_at_once", Count(1, 64)),
    ("mqtt.edge.limits.wrong_passwords_per_minute", Count(1, 10_000)),
    ("mqtt.edge.limits.stop_seconds", Count(0, 60)),
    ("mqtt.client.port", Count(1, 65_535)),
    ("mqtt.client.keep_alive_seconds", Count(5, 600)),
    ("mqtt.client.connect_timeout_seconds", Count(1, 60)),
    ("mqtt.client.packet_bytes_max", Count(KIB, 268_435_455)),
    ("mqtt.client.waiting_bytes_max", Count(MIB, TIB)),
    ("mqtt.client.backoff_min_ms", Count(10, 60_000)),
    ("mqtt.client.backoff_max_ms", Count(10, 3_600_000)),
    ("intake.poll", Time(Span::from_millis(100), Span::from_hours(1))),
    ("intake.settle", Time(Span::ZERO, Span::from_hours(1))),
    ("intake.settle_open", Time(Span::ZERO, Span::from_days(1))),
    ("intake.request_bytes_max", Count(KIB, 256 * KIB)),
    ("intake.requests_per_second", Count(1, 100_000)),
    ("intake.requests_waiting_max", Count(1, 100_000)),
    ("journal.segment_bytes", Count(8 * KIB, GIB)),
    ("journal.cap_bytes", Count(16 * KIB, 64 * TIB)),
    ("journal.buffer_bytes", Count(4 * KIB, GIB)),
    ("journal.company_wait_ms", Count(0, 1_000)),
    ("store.flush_samples", Count(1, 10_000_000)),
    ("store.flush_after_s", Count(1, 86_400)),
    ("store.dead_letters_bytes", Count(MIB, 64 * TIB)),
    ("store.block_cache_bytes", Count(0, TIB)),
    ("store.day_cache_bytes", Count(0, TIB)),
    ("store.write_buffer_bytes", Count(MIB, 4 * GIB)),
    ("store.write_ahead_bytes", Count(64 * MIB, TIB)),
    ("store.day_offset_minutes", Count(-840, 840)),
    ("coverage.completeness_percent", Count(1, 100)),
    ("coverage.kinds_min", Count(1, 7)),
    ("history.samples_max", Count(1_000, 10_000_000_000)),
    ("history.buckets_max", Count(100, 100_000_000)),
    ("history.counter.wraps_at", Count(0, 1_000_000_000_000_000)),
    ("store.influx.batch_points", Count(1, 50_000)),
    ("store.influx.batch_bytes", Count(4 * KIB, 32 * MIB)),
    ("store.influx.batch_wait_ms", Count(0, 60_000)),
    ("store.influx.request_timeout_s", Count(1, 30)),
    ("store.influx.backoff_min_ms", Count(10, 60_000)),
    ("store.influx.backoff_max_ms", Count(10, 3_600_000)),
    ("store.settle_after_s", Count(0, 31_536_000)),
    ("store.retention.traffic.raw_days", Count(0, 36_500)),
    ("store.retention.traffic.minute_days", Count(0, 36_500)),
    ("store.retention.traffic.hour_days", Count(0, 36_500)),
    ("store.retention.traffic.day_days", Count(0, 36_500)),
    ("store.retention.air.raw_days", Count(0, 36_500)),
    ("store.retention.air.minute_days", Count(0, 36_500)),
    ("store.retention.air.hour_days", Count(0, 36_500)),
    ("store.retention.air.day_days", Count(0, 36_500)),
    ("store.retention.weather.raw_days", Count(0, 36_500)),
    ("store.retention.weather.minute_days", Count(0, 36_500)),
    ("store.retention.weather.hour_days", Count(0, 36_500)),
    ("store.retention.weather.day_days", Count(0, 36_500)),
    ("store.retention.river.raw_days", Count(0, 36_500)),
    ("store.retention.river.minute_days", Count(0, 36_500)),
    ("store.retention.river.hour_days", Count(0, 36_500)),
    ("store.retention.river.day_days", Count(0, 36_500)),
    ("store.retention.rain.raw_days", Count(0, 36_500)),
    ("store.retention.rain.minute_days", Count(0, 36_500)),
    ("store.retention.rain.hour_days", Count(0, 36_500)),
    ("store.retention.rain.day_days", Count(0, 36_500)),
    ("store.retention.forest.raw_days", Count(0, 36_500)),
    ("store.retention.forest.minute_days", Count(0, 36_500)),
    ("store.retention.forest.hour_days", Count(0, 36_500)),
    ("store.retention.forest.day_days", Count(0, 36_500)),
    ("store.retention.meter.raw_days", Count(0, 36_500)),
    ("store.retention.meter.minute_days", Count(0, 36_500)),
    ("store.retention.meter.hour_days", Count(0, 36_500)),
    ("store.retention.meter.day_days", Count(0, 36_500)),
    ("validate.future_tolerance_seconds", Count(0, 86_400)),
    ("validate.earliest_year", Count(1970, 2100)),
    ("validate.backfill_after_seconds", Count(60, 31_536_000)),
    ("cap.radius_m", Count(0, 100_000)),
    ("cap.feed", Time(Span::from_hours(1), Span::from_days(90))),
    ("open_data.dataset.delay", Time(Span::ZERO, Span::from_days(90))),
    ("open_data.dataset.round_m", Count(0, 100_000)),
    ("canary.every", Time(seconds(1), Span::from_minutes(5))),
    ("canary.max_age", Time(seconds(2), Span::from_hours(1))),
    ("notify.one_by_one_max", Count(1, 1_000)),
    ("notify.digest_every", Time(seconds(1), Span::from_minutes(10))),
    ("notify.digest_members_max", Count(2, 100_000)),
    ("notify.backoff_min", Time(Span::from_millis(100), Span::from_minutes(10))),
    ("notify.backoff_max", Time(seconds(1), Span::from_hours(1))),
    ("notify.give_up_after", Time(Span::from_minutes(1), Span::from_days(30))),
    ("notify.try_timeout", Time(seconds(1), Span::from_minutes(1))),
    ("notify.tries_at_once", Count(2, 1_024)),
    ("notify.keep", Time(Span::from_days(1), Span::from_days(3_650))),
    ("notify.mail.port", Count(1, 65_535)),
    ("notify.gateway.text_letters_max", Count(100, 100_000)),
    ("alerts.keep_closed", Time(Span::from_hours(1), Span::from_days(3_650))),
    ("alerts.keep_closed_count", Count(0, 10_000_000)),
    ("alerts.shelve_max", Time(Span::from_minutes(1), Span::from_days(366))),
];

/// The range of a key.
pub(super) fn of(pattern: &str) -> Option<Bounds> {
    RANGES.iter().find(|(key, _)| *key == pattern).map(|(_, bounds)| *bounds)
}
