//! A column of integers, packed in blocks of up to 128: the one coding behind times and values.
//!
//! Sensor series are mostly regular with a few breaks: a steady interval with a gap, a quiet value with a spike. So
//! each block is coded either as it is or as differences (whichever is shorter), in the narrowest width that fits
//! nearly all of it, and the few that do not fit stand behind it as exceptions.
//!
//! ```text
//! block   u8       bits 0-6: width w, 0..=64; bit 7: 1 = differences from the integer before, 0 = the integers
//!         u8       number of exceptions e, 0..=128
//!         varint   zigzag of the base
//!         bits     n fields of w bits, first field in the lowest bits, padded to a whole byte: integer - base
//!         e times  u8 place in the block, strictly ascending; varint zigzag of (integer - base), whose field is 0
//! varint  LEB128 of a u64: 7 bits a byte, lowest first, at most 10 bytes
//! ```
//!
//! The number of integers is not in the bytes: whoever calls knows it. Arithmetic wraps, so every `i64` is coded.
//! How a block is coded is searched for with [`Effort`]: in one pass while the data is fresh, thoroughly when it is
//! settled. The bytes are of one form, so readers do not care.
//! Left out on purpose: SIMD and wider transposed layouts; a day of a channel decodes in microseconds as it is.

/// Integers in a block.
const BLOCK: usize = 128;

const DIFFERENCES: u8 = 0x80;

/// Why bytes are not a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Damage(pub(super) &'static str);

/// Takes bytes from the front; running out is damage, not a panic.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Damage("the bytes end early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(Damage("the bytes end early"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damage("a number is longer than 64 bits"))
    }
}

pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_bytes(value: u64) -> usize {
    bits(value | 1).div_ceil(7)
}

/// The width of the narrowest field that holds the value.
fn bits(value: u64) -> usize {
    64 - value.leading_zeros() as usize
}

pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// How hard to look for the shortest coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// One pass: for data that will be written again soon.
    Quick,
    /// Every base and every width: for data that stays.
    Thorough,
}

/// Appends the blocks of `integers`; `before` is what the first one is compared with.
pub(super) fn put(integers: &[i64], mut before: i64, effort: Effort, out: &mut Vec<u8>) {
    for block in integers.chunks(BLOCK) {
        let mut steps = [0i64; BLOCK];
        let mut previous = before;
        for (step, integer) in steps.iter_mut().zip(block) {
            *step = integer.wrapping_sub(previous);
            previous = *integer;
        }
        let steps = &steps[..block.len()];
        let (plain, stepped) = (Plan::find(block, effort), Plan::find(steps, effort));
        if stepped.bytes < plain.bytes {
            stepped.put(steps, DIFFERENCES, out);
        } else {
            plain.put(block, 0, out);
        }
        before = previous;
    }
}

/// Appends `count` integers to `out`: the inverse of [`put`].
pub(super) fn take(reader: &mut Reader<'_>, count: usize, mut before: i64, out: &mut Vec<i64>) -> Result<(), Damage> {
    let mut left = count;
    while left > 0 {
        let length = left.min(BLOCK);
        let start = out.len();
        let head = reader.u8()?;
        let exceptions = reader.u8()?;
        let base = unzigzag(reader.varint()?);
        take_fields(reader, u32::from(head & !DIFFERENCES), length, base, out)?;
        let block = &mut out[start..];
        let mut free_from = 0;
        for _ in 0..exceptions {
            let place = usize::from(reader.u8()?);
            if place < free_from || place >= length {
                return Err(Damage("an exception is out of place"));
            }
            block[place] = base.wrapping_add(unzigzag(reader.varint()?));
            free_from = place + 1;
        }
        if head & DIFFERENCES != 0 {
            for integer in block.iter_mut() {
                before = before.wrapping_add(*integer);
                *integer = before;
            }
        } else if let Some(last) = block.last() {
            before = *last;
        }
        left -= length;
    }
    Ok(())
}

fn take_fields(reader: &mut Reader<'_>, width: u32, count: usize, base: i64, out: &mut Vec<i64>) -> Result<(), Damage> {
    if width == 0 {
        out.resize(out.len() + count, base);
        return Ok(());
    }
    if width > 64 {
        return Err(Damage("a field is wider than 64 bits"));
    }
    let fields = reader.take((width as usize * count).div_ceil(8))?;
    let mask = u64::MAX >> (64 - width);
    let (mut pending, mut pending_bits) = (0u128, 0u32);
    let mut words = fields.chunks(8);
    for _ in 0..count {
        if pending_bits < width {
            let mut word = [0u8; 8];
            if let Some(chunk) = words.next() {
                word[..chunk.len()].copy_from_slice(chunk);
            }
            pending |= u128::from(u64::from_le_bytes(word)) << pending_bits;
            pending_bits += 64;
        }
        out.push(base.wrapping_add((pending as u64 & mask) as i64));
        pending >>= width;
        pending_bits -= width;
    }
    Ok(())
}

/// How to code one block.
struct Plan {
    width: u32,
    base: i64,
    bytes: usize,
}

impl Plan {
    fn find(block: &[i64], effort: Effort) -> Plan {
        match effort {
            Effort::Quick => Plan::quick(block),
            Effort::Thorough => Plan::best(block),
        }
    }

    /// The shortest of those whose base is the least value: what sticks out above is an exception.
    fn quick(block: &[i64]) -> Plan {
        let (mut least, mut greatest) = (block[0], block[0]);
        for integer in block {
            least = least.min(*integer);
            greatest = greatest.max(*integer);
        }
        let spread = greatest.wrapping_sub(least) as u64;
        let full = bits(spread);
        let mut best = Plan { width: full as u32, base: least, bytes: (full * block.len()).div_ceil(8) };
        if full == 0 {
            return best;
        }
        let mut needing = [0u8; 65];
        for integer in block {
            needing[bits(integer.wrapping_sub(least) as u64)] += 1;
        }
        let each = 1 + varint_bytes(spread.saturating_mul(2));
        let mut outside = 0;
        for width in (0..full).rev() {
            outside += usize::from(needing[width + 1]);
            let bytes = (width * block.len()).div_ceil(8) + each * outside;
            if bytes < best.bytes {
                best = Plan { width: width as u32, base: least, bytes };
            } else if each * outside >= best.bytes {
                break;
            }
        }
        best
    }

    /// The shortest: for each width, the window of values that holds most of the block; the rest are exceptions.
    fn best(block: &[i64]) -> Plan {
        let mut sorted = [0i64; BLOCK];
        let sorted = &mut sorted[..block.len()];
        sorted.copy_from_slice(block);
        sorted.sort_unstable();
        let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
        let full = 64 - (greatest.wrapping_sub(least) as u64).leading_zeros();
        let mut best = Plan { width: full, base: least, bytes: (full as usize * block.len()).div_ceil(8) };
        for width in (0..full).rev() {
            let (base, inside) = densest_window(sorted, width);
            let fields = (width as usize * block.len()).div_ceil(8);
            // Every exception takes two bytes at the least: once they alone lose, narrower widths lose too.
            if fields + 2 * (block.len() - inside) >= best.bytes {
                if inside * 2 < block.len() {
                    break;
                }
                continue;
            }
            let spread = greatest.wrapping_sub(base) as u64 | base.wrapping_sub(least) as u64;
            let each = 1 + varint_bytes(spread.saturating_mul(2));
            let bytes = fields + each * (block.len() - inside);
            if bytes < best.bytes {
                best = Plan { width, base, bytes };
            }
        }
        best
    }

    fn put(&self, block: &[i64], mode: u8, out: &mut Vec<u8>) {
        let mask = if self.width == 0 { 0 } else { u64::MAX >> (64 - self.width) };
        let fits = |integer: i64| integer.wrapping_sub(self.base) as u64 <= mask;
        let exceptions = block.iter().filter(|integer| !fits(**integer)).count();
        out.push(self.width as u8 | mode);
        out.push(exceptions as u8);
        put_varint(zigzag(self.base), out);
        let (mut pending, mut pending_bits) = (0u128, 0u32);
        for integer in block {
            let field = if fits(*integer) { integer.wrapping_sub(self.base) as u64 } else { 0 };
            pending |= u128::from(field) << pending_bits;
            pending_bits += self.width;
            if pending_bits >= 64 {
                out.extend_from_slice(&(pending as u64).to_le_bytes());
                pending >>= 64;
                pending_bits -= 64;
            }
        }
        let rest = (pending as u64).to_le_bytes();
        out.extend_from_slice(&rest[..(pending_bits as usize).div_ceil(8)]);
        for (place, integer) in block.iter().enumerate().filter(|(_, integer)| !fits(**integer)) {
            out.push(place as u8);
            put_varint(zigzag(integer.wrapping_sub(self.base)), out);
        }
    }
}

/// The start of the window of `2^width` values that holds most of the block, and how many it holds.
fn densest_window(sorted: &[i64], width: u32) -> (i64, usize) {
    let span = (1u64 << width) - 1;
    let (mut best, mut most, mut start) = (sorted[0], 0, 0);
    for (end, integer) in sorted.iter().enumerate() {
        while integer.wrapping_sub(sorted[start]) as u64 > span {
            start += 1;
        }
        if end + 1 - start > most {
            most = end + 1 - start;
            best = sorted[start];
        }
    }
    (best, most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The number of bytes that a thorough search finds.
    fn check(integers: &[i64]) -> usize {
        let [_, thorough] = [Effort::Quick, Effort::Thorough].map(|effort| {
            let mut bytes = Vec::new();
            put(integers, 7, effort, &mut bytes);
            let mut back = Vec::new();
            let mut reader = Reader::new(&bytes);
            take(&mut reader, integers.len(), 7, &mut back).unwrap();
            assert!(reader.is_empty());
            assert_eq!(back, integers);
            bytes.len()
        });
        thorough
    }

    #[test]
    fn steady_series_take_no_bits() {
        assert_eq!(check(&[60; 128]), 3);
        assert!(check(&(0..128).map(|i| i * 60).collect::<Vec<_>>()) <= 6);
        let mut gap = [60; 128];
        gap[17] = 3_600;
        assert!(check(&gap) <= 8, "one gap is one exception");
        let mut dip = [214; 128];
        dip[100] = -999;
        assert!(check(&dip) <= 9, "one dip is one exception");
    }

    #[test]
    fn extremes_are_kept() {
        check(&[]);
        check(&[i64::MIN, i64::MAX, 0, -1, 1, i64::MAX, i64::MIN]);
        check(&[i64::MAX; 200]);
    }

    proptest! {
        #[test]
        fn any_integers_return(integers in prop::collection::vec(prop_oneof![any::<i64>(), -50i64..50, Just(0)], 0..400)) {
            check(&integers);
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..600) {
            let _ = take(&mut Reader::new(&bytes), count, 0, &mut Vec::new());
        }
    }
}
