//! A serialised value between a version byte and a checksum: the form of bookmarks and dead letters.
//!
//! ```text
//! u8      version, 1
//! bytes   postcard
//! u32 LE  CRC-32 of the key and of everything before this field
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::column::Damage;

const VERSION: u8 = 1;

pub(super) fn seal(key: &[u8], value: &impl Serialize) -> Vec<u8> {
    let out = postcard::to_extend(value, vec![VERSION]);
    let mut out = out.expect("a vector takes any length, and no sealed type has a length that is not known");
    let crc = checksum(key, &out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

pub(super) fn unseal<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, Damage> {
    let (body, crc) = bytes.split_last_chunk().ok_or(Damage("the bytes end early"))?;
    if checksum(key, body) != u32::from_le_bytes(*crc) {
        return Err(Damage("the checksum does not match"));
    }
    match body {
        [VERSION, value @ ..] => postcard::from_bytes(value).map_err(|_| Damage("the value is not in its form")),
        _ => Err(Damage("the version is not known")),
    }
}

fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_truncation_and_every_flipped_bit_is_told() {
        let value = (5u64, "water_level".to_owned(), vec![1u8, 2, 3]);
        let bytes = seal(b"k", &value);
        assert_eq!(unseal::<(u64, String, Vec<u8>)>(b"k", &bytes), Ok(value));
        assert!(unseal::<(u64, String, Vec<u8>)>(b"l", &bytes).is_err());
        for length in 0..bytes.len() {
            assert!(unseal::<(u64, String, Vec<u8>)>(b"k", &bytes[..length]).is_err());
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<(u64, String, Vec<u8>)>(b"k", &flipped).is_err());
        }
    }
}
