//! Finding a name as people type it: without capitals and, in Vietnamese, without marks (`muong te` finds `Mường Tè`).

/// Folds a text for comparison: small letters, no Vietnamese marks. Other scripts stay as they are.
pub fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(plain).collect()
}

/// The letter without its marks; `None` for a combining mark.
fn plain(letter: char) -> Option<char> {
    const FAMILIES: [(char, &str); 7] = [
        ('a', "àáảãạăằắẳẵặâầấẩẫậ"),
        ('e', "èéẻẽẹêềếểễệ"),
        ('i', "ìíỉĩị"),
        ('o', "òóỏõọôồốổỗộơờớởỡợ"),
        ('u', "ùúủũụưừứửữự"),
        ('y', "ỳýỷỹỵ"),
        ('d', "đ"),
    ];
    if letter.is_ascii() {
        return Some(letter);
    }
    if ('\u{300}'..='\u{36f}').contains(&letter) {
        return None;
    }
    Some(FAMILIES.iter().find(|(_, family)| family.contains(letter)).map_or(letter, |(base, _)| *base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_capitals_do_not_matter() {
        for (text, expected) in [
            ("Mường Tè", "muong te"),
            ("ĐỒI THÔNG", "doi thong"),
            ("Mu\u{31b}o\u{31b}\u{300}ng", "muong"),
            ("TR-QL4D-01", "tr-ql4d-01"),
            ("森林", "森林"),
        ] {
            assert_eq!(fold(text), expected);
        }
    }
}
