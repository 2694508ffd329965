//! Latencies in buckets whose width is a thirty-second of their value: small, mergeable, good to 3 %.

/// Values below this have a bucket each.
const EXACT: u64 = 64;
/// Buckets for each doubling above.
const PER_DOUBLING: usize = 32;
/// Bits of `EXACT`.
const EXACT_BITS: u32 = EXACT.trailing_zeros();

/// Counts by value.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// Notes a value.
    pub fn note(&mut self, value: u64) {
        let bucket = bucket(value);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Histogram) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// The value below or at which this share of the values lies, rounded up to its bucket's end; 0 when empty.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end(bucket).min(self.max);
            }
        }
        self.max
    }

    /// The highest value.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let doubling = 63 - value.leading_zeros() - EXACT_BITS;
    let within = (value >> (doubling + 1)) as usize - PER_DOUBLING;
    EXACT as usize + doubling as usize * PER_DOUBLING + within
}

/// Highest value of a bucket.
fn end(bucket: usize) -> u64 {
    if bucket < EXACT as usize {
        return bucket as u64;
    }
    let (doubling, within) = ((bucket - EXACT as usize) / PER_DOUBLING, (bucket - EXACT as usize) % PER_DOUBLING);
    ((((within + PER_DOUBLING) as u64) + 1) << (doubling + 1)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_values() {
        let powers = (1..40).flat_map(|bits| [(1_u64 << bits) - 1, (1_u64 << bits) + 3]);
        for value in (0..5_000).chain(powers) {
            let end = end(bucket(value));
            assert!(end >= value && (end as f64) < value as f64 * 1.04 + 1.0, "{value} in a bucket to {end}");
        }
        assert!((1..5_000).all(|value| bucket(value) - bucket(value - 1) <= 1));
    }

    #[test]
    fn quantiles_are_good_to_three_percent() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|value| histogram.note(value));
        for share in [0.5, 0.9, 0.99, 0.999] {
            let (found, exact) = (histogram.quantile(share) as f64, share * 100_000.0);
            assert!((found / exact - 1.0).abs() < 0.032, "{share}: {found}");
        }
        assert_eq!((histogram.max(), histogram.count(), Histogram::default().quantile(0.5)), (100_000, 100_000, 0));
    }
}
