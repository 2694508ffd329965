//! Texts that must not be longer than a channel takes.

/// The whole lines of a text that fit, and a sign that something is left out; `None` when all of it fits. `length` is
/// counted as the channel counts, letter by letter. Of a first line that is too long its beginning is kept.
pub(super) fn shortened(text: &str, most: usize, length: impl Fn(&str) -> usize) -> Option<String> {
    const SIGN: &str = "…";
    if length(text) <= most {
        return None;
    }
    let room = most.saturating_sub(length(SIGN));
    let (mut kept, mut used) = (String::new(), 0);
    for line in text.lines() {
        used += length(line) + 1;
        if used > room {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    if kept.is_empty() {
        used = 0;
        for letter in text.lines().next().unwrap_or_default().chars() {
            used += length(letter.encode_utf8(&mut [0; 4]));
            if used > room {
                break;
            }
            kept.push(letter);
        }
    }
    Some(kept + SIGN)
}

#[cfg(test)]
mod tests {
    use super::shortened;

    fn check(text: &str, letters: usize, expected: Option<&str>) {
        let found = shortened(text, letters, |text| text.chars().count());
        assert_eq!(found.as_deref(), expected);
        assert!(found.is_none_or(|text| text.chars().count() <= letters));
    }

    #[test]
    fn whole_lines_are_kept_and_what_is_left_out_shows() {
        check("một\nhai\nba", 10, None);
        check("một\nhai\nba", 9, Some("một\nhai\n…"));
        check("một\nhai\nba", 8, Some("một\n…"));
        check("một hai\nba", 6, Some("một h…"));
        let bytes = shortened("ệệệệ", 8, str::len);
        assert_eq!(bytes.as_deref(), Some("ệ…"), "no letter is cut through");
    }
}
