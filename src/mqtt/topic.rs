//! Topic names and topic filters: validity, matching, and how filters relate to each other.
//!
//! Any script: levels are compared as bytes of UTF-8 and never sliced inside a letter, so a topic that begins with
//! `đ` is an ordinary one. Nothing here panics, whatever the text. A topic that begins with `$` is not matched by a
//! filter that begins with a wildcard (MQTT-4.7.2-1).
//!
//! Left out on purpose: shared subscriptions (`$share/…`), which the edge refuses, and normalisation of letters:
//! MQTT compares code points.

/// Longest topic or filter in bytes of UTF-8: the wire's length field has 16 bits.
pub const TOPIC_BYTES_MAX: usize = 65_535;

/// Most levels a topic or filter may have, so that matching stays cheap (CVE-2021-33176 was a topic of 9,000 levels).
pub const TOPIC_LEVELS_MAX: usize = 256;

/// Whether `topic` is a name to publish to: not empty, no NUL, no wildcard, within the length and level limits.
pub fn valid_topic(topic: &str) -> bool {
    valid_topic_within(topic, TOPIC_BYTES_MAX, TOPIC_LEVELS_MAX)
}

/// As [`valid_topic`], with narrower limits: at most `bytes_max` bytes and `levels_max` levels.
pub fn valid_topic_within(topic: &str, bytes_max: usize, levels_max: usize) -> bool {
    if topic.is_empty() || topic.len() > bytes_max.min(TOPIC_BYTES_MAX) {
        return false;
    }
    let mut levels = 1;
    for byte in topic.bytes() {
        match byte {
            0 | b'+' | b'#' => return false,
            b'/' => levels += 1,
            _ => {}
        }
    }
    levels <= levels_max.min(TOPIC_LEVELS_MAX)
}

/// Whether `filter` is a topic filter: not empty, no NUL, `+` alone in its level, `#` alone in the last level,
/// within the length and level limits.
pub fn valid_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.len() > TOPIC_BYTES_MAX || filter.bytes().any(|byte| byte == 0) {
        return false;
    }
    let mut levels = 0;
    let mut closed = false;
    for level in filter.split('/') {
        levels += 1;
        let wildcard = level.bytes().any(|byte| byte == b'+' || byte == b'#');
        if closed || levels > TOPIC_LEVELS_MAX || (wildcard && level.len() > 1) {
            return false;
        }
        closed = level == "#";
    }
    true
}

/// Whether `topic` is one that `filter` asks for. Both are taken as valid; for others the answer is a plain
/// comparison of levels and means nothing.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for part in filter.split('/') {
        // `a/#` asks for `a` too, so this comes before the next level is taken.
        if part == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if part == "+" || part == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Whether every topic that `inner` asks for is one that `outer` asks for. Never yes wrongly; no for the one odd
/// pair `+/#` and `#`, which ask for the same.
pub fn covers(outer: &str, inner: &str) -> bool {
    if inner.starts_with('$') && outer.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = inner.split('/');
    for part in outer.split('/') {
        if part == "#" {
            return true;
        }
        match levels.next() {
            Some("#") | None => return false,
            Some(level) if part == "+" || part == level => {}
            Some(_) => return false,
        }
    }
    levels.next().is_none()
}

/// Whether some topic is one that both filters ask for.
pub fn overlaps(left: &str, right: &str) -> bool {
    let wild = |filter: &str| filter.starts_with(['+', '#']);
    if (left.starts_with('$') && wild(right)) || (right.starts_with('$') && wild(left)) {
        return false;
    }
    let (mut left, mut right) = (left.split('/'), right.split('/'));
    loop {
        match (left.next(), right.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(l), Some(r)) if l == r || l == "+" || r == "+" => {}
            _ => return false,
        }
    }
}

/// The beginning of `filter` that every topic it asks for shares, byte for byte; the whole filter when it has no
/// wildcard. Ends before the `/` of a closing `/#`, because `a/#` asks for `a` too.
pub fn literal_prefix(filter: &str) -> &str {
    match filter.find(['+', '#']) {
        None => filter,
        Some(at) => {
            let prefix = filter.get(..at).unwrap_or_default();
            if filter.get(at..) == Some("#") { prefix.strip_suffix('/').unwrap_or(prefix) } else { prefix }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(filter: &str, topic: &str, expected: bool) {
        assert_eq!(matches(filter, topic), expected, "{filter:?} against {topic:?}");
    }

    #[test]
    fn the_examples_of_the_standard_match_as_it_says() {
        check("sport/tennis/player1/#", "sport/tennis/player1", true);
        check("sport/tennis/player1/#", "sport/tennis/player1/ranking", true);
        check("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true);
        check("sport/#", "sport", true);
        check("#", "sport/tennis", true);
        check("sport/tennis/+", "sport/tennis/player1", true);
        check("sport/tennis/+", "sport/tennis/player1/ranking", false);
        check("sport/+", "sport", false);
        check("sport/+", "sport/", true);
        check("+/+", "/finance", true);
        check("/+", "/finance", true);
        check("+", "/finance", false);
        check("#", "$SYS/monitor/clients", false);
        check("+/monitor/clients", "$SYS/monitor/clients", false);
        check("$SYS/#", "$SYS/monitor/clients", true);
        check("$SYS/monitor/+", "$SYS/monitor/clients", true);
        check("sport", "Sport", false);
    }

    #[test]
    fn topics_of_any_script_match() {
        check("đồi/#", "đồi/1/temp", true);
        check("đ/#", "đ", true);
        check("+/1/temp", "đồi/1/temp", true);
        check("đồi/+/temp", "đồi/1/temp", true);
        check("đồi", "đồ", false);
        check("𠀀/+", "𠀀/a", true);
        check("d/#", "đ/1", false);
    }

    #[test]
    fn names_with_nul_wildcards_or_too_many_levels_are_refused() {
        for bad in ["", "a/+", "a/#", "#", "a\0b", "a+b"] {
            assert!(!valid_topic(bad), "{bad:?}");
        }
        for good in ["a", "/", "//", "$SYS/x", "đ", " ", "a b/ c"] {
            assert!(valid_topic(good), "{good:?}");
        }
        assert!(valid_topic(&"x".repeat(65_535)));
        assert!(!valid_topic(&"x".repeat(65_536)));
        assert!(valid_topic(&"/".repeat(255)));
        assert!(!valid_topic(&"/".repeat(256)));
        assert!(!valid_topic(&"a/".repeat(9_000)));
        assert!(!valid_topic_within("a/b/c", 100, 2));
        assert!(!valid_topic_within("abc", 2, 9));
    }

    #[test]
    fn filters_keep_the_rules_of_wildcards() {
        for bad in ["", "a#", "#/a", "a/#/b", "a+/b", "+a", "##", "++", "a\0", "a/#/"] {
            assert!(!valid_filter(bad), "{bad:?}");
        }
        for good in ["#", "+", "+/+", "a/#", "+/#", "/", "/+", "đ/+/#", "$SYS/#"] {
            assert!(valid_filter(good), "{good:?}");
        }
        assert!(!valid_filter(&"a/".repeat(300)));
    }

    #[test]
    fn the_literal_prefix_is_shared_by_every_topic_asked_for() {
        assert_eq!(literal_prefix("a/b/#"), "a/b");
        assert_eq!(literal_prefix("a/+/c"), "a/");
        assert_eq!(literal_prefix("#"), "");
        assert_eq!(literal_prefix("đ/1"), "đ/1");
        assert_eq!(literal_prefix("/#"), "");
    }

    /// Levels as lists, recursively: slow and plain.
    fn matches_by_lists(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            (["#"], _) => true,
            ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => matches_by_lists(filter, topic),
            ([part, filter @ ..], [level, topic @ ..]) if part == level => matches_by_lists(filter, topic),
            _ => false,
        }
    }

    fn naive(filter: &str, topic: &str) -> bool {
        let filter: Vec<&str> = filter.split('/').collect();
        let topic: Vec<&str> = topic.split('/').collect();
        let system = topic[0].starts_with('$') && (filter[0] == "+" || filter[0] == "#");
        !system && matches_by_lists(&filter, &topic)
    }

    const LEVELS: [&str; 7] = ["", "a", "b", "đ", "$x", "𠀀ồ", "ab"];

    fn topic() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(&LEVELS[..]), 1..6)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("a topic is not empty", |topic| !topic.is_empty())
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![3 => prop::sample::select(&LEVELS[..]), 2 => Just("+")];
        (prop::collection::vec(level, 0..5), any::<bool>())
            .prop_map(|(mut levels, open)| {
                if open || levels.is_empty() {
                    levels.push("#");
                }
                levels.join("/")
            })
            .prop_filter("a filter is not empty", |filter| !filter.is_empty())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn matching_equals_the_plain_reference(filter in filter(), topic in topic()) {
            prop_assert!(valid_filter(&filter) && valid_topic(&topic));
            prop_assert_eq!(matches(&filter, &topic), naive(&filter, &topic), "{:?} {:?}", filter, topic);
        }

        #[test]
        fn a_covering_filter_asks_for_every_topic_of_the_covered_one(outer in filter(), inner in filter(), topic in topic()) {
            if covers(&outer, &inner) && naive(&inner, &topic) {
                prop_assert!(naive(&outer, &topic), "{:?} {:?} {:?}", outer, inner, topic);
            }
            prop_assert!(covers(&outer, &outer));
        }

        #[test]
        fn filters_that_share_a_topic_overlap(left in filter(), right in filter(), topic in topic()) {
            if naive(&left, &topic) && naive(&right, &topic) {
                prop_assert!(overlaps(&left, &right), "{:?} {:?} {:?}", left, right, topic);
            }
            prop_assert_eq!(overlaps(&left, &right), overlaps(&right, &left));
        }

        #[test]
        fn the_prefix_of_a_filter_begins_each_topic_it_asks_for(filter in filter(), topic in topic()) {
            if naive(&filter, &topic) {
                prop_assert!(topic.starts_with(literal_prefix(&filter)), "{:?} {:?}", filter, topic);
            }
        }

        #[test]
        fn any_text_at_all_is_answered_without_a_panic(left in any::<String>(), right in any::<String>()) {
            let _ = (valid_topic(&left), valid_filter(&left), matches(&left, &right));
            let _ = (covers(&left, &right), overlaps(&left, &right), literal_prefix(&left));
        }
    }
}
