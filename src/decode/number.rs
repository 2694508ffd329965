//! JSON numbers (RFC 8259 section 6) to doubles.
//!
//! A number of at most 15 digits with a small exponent is exact in two doubles and one division (Clinger, "How to
//! read floating point numbers accurately", 1990); the rest goes to the standard library, which rounds correctly.

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The number at the beginning of `bytes` and its length; infinite when a double cannot hold it, `None` when the
/// bytes do not begin with a number.
pub(super) fn parse(bytes: &[u8]) -> Option<(f64, usize)> {
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole_from = at;
    let mut digits_value = 0_u64;
    while let Some(digit) = digit(bytes, at) {
        digits_value = digits_value.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let whole_digits = at - whole_from;
    if whole_digits == 0 || (whole_digits > 1 && bytes[whole_from] == b'0') {
        return None;
    }
    let mut fraction_digits = 0;
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        let fraction_from = at;
        while let Some(digit) = digit(bytes, at) {
            digits_value = digits_value.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        fraction_digits = at - fraction_from;
        if fraction_digits == 0 {
            return None;
        }
    }
    let has_exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    if has_exponent {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let exponent_from = at;
        while digit(bytes, at).is_some() {
            at += 1;
        }
        if at == exponent_from {
            return None;
        }
    }
    if !has_exponent && whole_digits + fraction_digits <= 15 {
        let value = digits_value as f64 / EXACT_POWERS[fraction_digits];
        return Some((if bytes[0] == b'-' { -value } else { value }, at));
    }
    let text = std::str::from_utf8(&bytes[..at]).ok()?;
    text.parse().ok().map(|value| (value, at))
}

fn digit(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| u64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<f64>) {
        let got = parse(text.as_bytes()).filter(|(_, length)| *length == text.len()).map(|(value, _)| value.to_bits());
        assert_eq!(got, expected.map(f64::to_bits), "{text}");
    }

    #[test]
    fn only_the_json_grammar_is_a_number() {
        for text in
            ["", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x10", "NaN", "Infinity", "١", "1_000", "1,5"]
        {
            check(text, None);
        }
        check("-0", Some(-0.0));
        check("0.1", Some(0.1));
        check("1e400", Some(f64::INFINITY));
        check("-1E400", Some(f64::NEG_INFINITY));
        check("18446744073709551617", Some(18_446_744_073_709_551_617.0));
        check(&"9".repeat(400), Some(f64::INFINITY));
        check(&format!("0.{}1", "0".repeat(400)), Some(0.0));
    }

    proptest! {
        #[test]
        fn equals_the_standard_library(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
            check(&text, text.parse().ok());
        }
    }
}
