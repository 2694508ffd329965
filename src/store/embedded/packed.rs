//! A column of integers in the coding that is shortest for it: blocks, or crate `pco`.
//!
//! ```text
//! u8      coding: 0 blocks; 1, 2, 3, 4: pco over integers - base as u8, u16, u32, u64
//!   blocks  as drawn in `column.rs`
//!   pco     varint zigzag of the base, the least integer; varint length; the bytes of pco's wrapped format:
//!           header, one chunk, one page
//! ```
//!
//! pco codes by entropy what the blocks code by width, which noisy series gain from (measured: about a tenth of a
//! day's bytes); it needs a table for it and time, so short columns and fresh ones are always blocks. Its own
//! bounds are not trusted: a column is read only behind its run's checksum.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::wrapped::{FileCompressor, FileDecompressor};

use super::column::{self, Damage, Effort, Reader, put_varint, unzigzag, zigzag};

const BLOCKS: u8 = 0;
/// Shorter columns do not gain by pco's tables.
const PCO_MIN: usize = 64;
/// Longer ones would be cut into several pages.
const PCO_MAX: usize = 1 << 18;

/// Appends `integers`; `before` is what the first one is compared with.
pub(super) fn put(integers: &[i64], before: i64, effort: Effort, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(BLOCKS);
    column::put(integers, before, effort, out);
    if effort == Effort::Thorough && (PCO_MIN..=PCO_MAX).contains(&integers.len()) {
        let length = out.len() - start;
        if let Some(shorter) = pco(integers).filter(|shorter| shorter.len() < length) {
            out.truncate(start);
            out.extend_from_slice(&shorter);
        }
    }
}

/// Appends `count` integers to `out`: the inverse of [`put`].
pub(super) fn take(reader: &mut Reader<'_>, count: usize, before: i64, out: &mut Vec<i64>) -> Result<(), Damage> {
    let coding = reader.u8()?;
    if coding == BLOCKS {
        return column::take(reader, count, before, out);
    }
    let base = unzigzag(reader.varint()?);
    let length = usize::try_from(reader.varint()?).unwrap_or(usize::MAX);
    let bytes = reader.take(length)?;
    if count > PCO_MAX {
        return Err(Damage("a column is too long for its coding"));
    }
    match coding {
        1 => unpack::<u8>(bytes, count, base, out),
        2 => unpack::<u16>(bytes, count, base, out),
        3 => unpack::<u32>(bytes, count, base, out),
        4 => unpack::<u64>(bytes, count, base, out),
        _ => Err(Damage("the coding of a column is not known")),
    }
}

/// The whole column by pco; `None` when pco refuses.
fn pco(integers: &[i64]) -> Option<Vec<u8>> {
    let (least, greatest) = (*integers.iter().min()?, *integers.iter().max()?);
    let above = integers.iter().map(|integer| integer.wrapping_sub(least) as u64);
    // The narrowest type: the tables hold bounds of its width.
    let (coding, bytes) = match greatest.wrapping_sub(least) as u64 {
        0..=0xff => (1, pack(&above.map(|above| above as u8).collect::<Vec<_>>())?),
        0x100..=0xffff => (2, pack(&above.map(|above| above as u16).collect::<Vec<_>>())?),
        0x1_0000..=0xffff_ffff => (3, pack(&above.map(|above| above as u32).collect::<Vec<_>>())?),
        _ => (4, pack(&above.collect::<Vec<_>>())?),
    };
    let mut out = vec![coding];
    put_varint(zigzag(least), &mut out);
    put_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(&bytes);
    Some(out)
}

fn pack<T: Number>(numbers: &[T]) -> Option<Vec<u8>> {
    let compressor = FileCompressor::default();
    let config = ChunkConfig::default().with_enable_8_bit(true);
    let mut chunk = compressor.chunk_compressor(numbers, &config).ok()?;
    let mut out = Vec::new();
    compressor.write_header(&mut out).ok()?;
    chunk.write_meta(&mut out).ok()?;
    chunk.write_page(0, &mut out).ok()?;
    Some(out)
}

fn unpack<T: Number + Default + Into<u64>>(
    bytes: &[u8],
    count: usize,
    base: i64,
    out: &mut Vec<i64>,
) -> Result<(), Damage> {
    const NOT_PCO: Damage = Damage("a column is not in its coding");
    let (decompressor, bytes) = FileDecompressor::new(bytes).map_err(|_| NOT_PCO)?;
    let (mut chunk, bytes) = decompressor.chunk_decompressor::<T, _>(bytes).map_err(|_| NOT_PCO)?;
    let mut page = chunk.page_decompressor(bytes, count).map_err(|_| NOT_PCO)?;
    let mut numbers = vec![T::default(); count];
    let progress = page.read(&mut numbers).map_err(|_| NOT_PCO)?;
    if progress.n_processed != count || !page.into_src().is_empty() {
        return Err(NOT_PCO);
    }
    out.extend(numbers.into_iter().map(|number| base.wrapping_add(number.into() as i64)));
    Ok(())
}
