//! Chance as a pure function: the same seed, stream and time give the same value, in any order of asking.
//!
//! Nothing is integrated and no generator is carried along; a value at any time, also long past (a backlog), costs
//! the same. Streams are named, so that a new one does not shift the others.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Chance under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    seed: u64,
}

/// A named source of chance.
#[derive(Clone, Copy, Debug)]
pub struct Stream(u64);

impl Stream {
    /// By a name and the thing that it belongs to (a station's [`key`], a cell's number).
    pub fn of(name: &str, thing: u64) -> Self {
        Self(key(name).rotate_left(23) ^ thing)
    }
}

impl Noise {
    /// Everything random under this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Evenly in `0..1`.
    pub fn uniform(self, stream: Stream, index: i64) -> f64 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&stream.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&index.to_le_bytes());
        let bits = ChaCha8Rng::from_seed(bytes).next_u64() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    /// A smooth curve between -1 and 1 whose hills are about `time = 1` apart.
    pub fn smooth(self, stream: Stream, time: f64) -> f64 {
        let before = libm::floor(time);
        let share = time - before;
        let ease = share * share * (3.0 - 2.0 * share);
        let (a, b) = (self.uniform(stream, before as i64), self.uniform(stream, before as i64 + 1));
        (a + (b - a) * ease) * 2.0 - 1.0
    }

    /// [`Self::smooth`] with smaller hills on its hills; still between -1 and 1.
    pub fn rough(self, stream: Stream, time: f64) -> f64 {
        let fine = Stream(stream.0 ^ 0x9E37_79B9_7F4A_7C15);
        0.7 * self.smooth(stream, time) + 0.3 * self.smooth(fine, time * 4.3)
    }
}

/// A number for a name (FNV-1a).
pub fn key(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer() {
        let noise = Noise::new(7);
        let stream = Stream::of("rain", 3);
        assert_eq!(noise.uniform(stream, -5).to_bits(), noise.uniform(stream, -5).to_bits());
        assert_ne!(noise.uniform(stream, 1).to_bits(), noise.uniform(Stream::of("rain", 4), 1).to_bits());
        assert_ne!(noise.uniform(stream, 1).to_bits(), Noise::new(8).uniform(stream, 1).to_bits());
    }

    #[test]
    fn smooth_curves_do_not_jump_and_stay_inside() {
        let noise = Noise::new(1);
        let stream = Stream::of("wind", 0);
        let mut last = noise.rough(stream, 0.0);
        for step in 1..4000 {
            let now = noise.rough(stream, f64::from(step) * 0.005);
            assert!((-1.0..=1.0).contains(&now));
            assert!((now - last).abs() < 0.08, "jump at {step}");
            last = now;
        }
    }
}
