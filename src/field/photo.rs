//! Photos: of three kinds, known by their first bytes, and no larger than a poor network carries.
//!
//! Left out on purpose: looking further into them. They are kept and handed out as they came, never opened here.

/// Bytes of one photo, at most.
pub const PHOTO_BYTES_MAX: usize = 512 * 1024;

/// What a photo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
}

impl MediaType {
    /// Every kind.
    pub const ALL: [MediaType; 3] = [MediaType::Jpeg, MediaType::Png, MediaType::WebP];

    /// The name by which browsers know it.
    pub fn word(self) -> &'static str {
        match self {
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
            MediaType::WebP => "image/webp",
        }
    }

    /// From its name.
    pub fn parse(word: &str) -> Option<MediaType> {
        MediaType::ALL.into_iter().find(|known| known.word() == word)
    }

    /// By the first bytes; `None` for anything else, whatever it is called.
    pub fn of(bytes: &[u8]) -> Option<MediaType> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(MediaType::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(MediaType::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(MediaType::WebP),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_known_by_their_first_bytes_alone() {
        let check = |bytes: &[u8], expected: Option<MediaType>| assert_eq!(MediaType::of(bytes), expected, "{bytes:?}");
        check(b"\xff\xd8\xff\xe0 and so on", Some(MediaType::Jpeg));
        check(b"\x89PNG\r\n\x1a\n", Some(MediaType::Png));
        check(b"RIFF\x10\0\0\0WEBPVP8 ", Some(MediaType::WebP));
        for other in [&b""[..], b"\xff\xd8", b"GIF89a", b"<svg onload=x>", b"RIFF\x10\0\0\0WAVE", b"%PDF-1.7"] {
            check(other, None);
        }
        for known in MediaType::ALL {
            assert_eq!(MediaType::parse(known.word()), Some(known));
        }
    }
}
