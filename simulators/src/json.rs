//! The native payload's own encoder: one flat JSON object, fields in the order given.
//!
//! Numbers are written from a whole number of their last decimal, so the bytes do not depend on how a platform
//! prints floating point. Names and words come from station files and need no escaping; texts are escaped.

/// A flat JSON object being written.
#[derive(Debug)]
pub struct Object {
    bytes: Vec<u8>,
}

impl Object {
    /// `{"time":"…"}` and whatever follows.
    pub fn at(time: &str) -> Self {
        let mut object = Self { bytes: Vec::with_capacity(160) };
        object.bytes.push(b'{');
        object.text("time", time);
        object
    }

    /// A number with at most `decimals` digits after the point; not finite is left out, as a blank is.
    pub fn number(&mut self, name: &str, value: f64, decimals: u8) {
        if value.is_finite() {
            self.name(name);
            decimal(&mut self.bytes, value, decimals);
        }
    }

    /// A number exactly as it stands in another file.
    pub fn literal(&mut self, name: &str, literal: &str) {
        self.name(name);
        self.bytes.extend_from_slice(literal.as_bytes());
    }

    /// A text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        string(&mut self.bytes, text);
    }

    /// The finished object.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'}');
        self.bytes
    }

    fn name(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        string(&mut self.bytes, name);
        self.bytes.push(b':');
    }
}

/// Objects as one JSON array.
pub fn array(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(objects.iter().map(|object| object.len() + 1).sum::<usize>() + 2);
    bytes.push(b'[');
    bytes.extend_from_slice(&objects.join(&b','));
    bytes.push(b']');
    bytes
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'"');
    for c in text.chars() {
        match c {
            '"' => bytes.extend_from_slice(b"\\\""),
            '\\' => bytes.extend_from_slice(b"\\\\"),
            c if (c as u32) < 0x20 => bytes.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.push(b'"');
}

/// `value` rounded half away from zero to `decimals` (at most 9) digits; zeros at the end are left out.
pub fn decimal(bytes: &mut Vec<u8>, value: f64, decimals: u8) {
    let decimals = u32::from(decimals.min(9));
    let scaled = libm::round(value * f64::from(10_u32.pow(decimals))) as i64;
    if scaled < 0 {
        bytes.push(b'-');
    }
    let unit = 10_u64.pow(decimals);
    let (whole, mut fraction) = (scaled.unsigned_abs() / unit, scaled.unsigned_abs() % unit);
    bytes.extend_from_slice(whole.to_string().as_bytes());
    let mut digits = decimals as usize;
    while digits > 0 && fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    if digits > 0 {
        bytes.extend_from_slice(format!(".{fraction:0digits$}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, decimals: u8, expected: &str) {
        let mut bytes = Vec::new();
        decimal(&mut bytes, value, decimals);
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn numbers_keep_their_decimals() {
        check(41.25, 1, "41.3");
        check(-0.04, 1, "0");
        check(-0.25, 2, "-0.25");
        check(63.0, 2, "63");
        check(1013.2, 2, "1013.2");
        check(0.007, 3, "0.007");
        check(-7.5, 0, "-8");
    }

    #[test]
    fn objects_are_flat_and_ordered() {
        let mut object = Object::at("2026-11-21T10:15:00+07:00");
        object.number("pm2_5", 41.2, 1);
        object.number("gone", f64::NAN, 1);
        object.literal("pm10", "63.0");
        object.text("status", "a\"b\\\n");
        let expected =
            "{\"time\":\"2026-11-21T10:15:00+07:00\",\"pm2_5\":41.2,\"pm10\":63.0,\"status\":\"a\\\"b\\\\\\u000a\"}";
        assert_eq!(String::from_utf8(object.finish()).unwrap(), expected);
    }
}
