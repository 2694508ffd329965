//! A source's topic: an MQTT filter whose wildcards may have names.
//!
//! ```text
//! tele/{device}/SENSOR                           one level, captured
//! application/+/device/{device}/event/up         `+` is any one level, not kept
//! zigbee2mqtt/{device#}                          the rest, one level or more, slashes included
//! ```
//! Any script; levels are compared as bytes. A topic that begins with `$` is not matched by a pattern that begins with
//! a wildcard (MQTT-4.7.2-1).

/// Most captures of a pattern.
const CAPTURES_MAX: usize = 8;
/// Most bytes of a pattern: an MQTT filter's own limit.
const BYTES_MAX: usize = 65_535;
/// Most levels of a pattern, as of any topic that is taken.
const LEVELS_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Literal(Box<str>),
    /// Any one level; kept as a capture.
    One(Option<u8>),
    /// Everything from here on; kept as a capture when it is named, and then not nothing.
    Rest(Option<u8>),
}

/// A prepared pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    levels: Vec<Level>,
    names: Vec<Box<str>>,
}

/// What a topic had in the places of a pattern's captures, by their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Captures<'t>([&'t str; CAPTURES_MAX]);

impl<'t> Captures<'t> {
    /// The capture of this place in the pattern's names; empty beyond them.
    pub fn get(&self, place: u8) -> &'t str {
        self.0.get(usize::from(place)).copied().unwrap_or_default()
    }
}

impl Pattern {
    /// Reads a pattern; the sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.is_empty() || text.len() > BYTES_MAX || text.contains('\0') {
            return Err(format!("{text:?} is no topic: write one such as tele/{{device}}/SENSOR"));
        }
        let mut pattern = Pattern { levels: Vec::new(), names: Vec::new() };
        for level in text.split('/') {
            if pattern.levels.len() == LEVELS_MAX {
                return Err(format!("has more than {LEVELS_MAX} levels"));
            }
            if matches!(pattern.levels.last(), Some(Level::Rest(_))) {
                return Err("goes on behind the level that takes the rest".to_owned());
            }
            let level = match level {
                "+" => Level::One(None),
                "#" => Level::Rest(None),
                _ => match level.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                    Some(name) => match name.strip_suffix('#') {
                        Some(name) => Level::Rest(Some(pattern.capture(name)?)),
                        None => Level::One(Some(pattern.capture(name)?)),
                    },
                    None if level.contains(['+', '#', '{', '}']) => {
                        return Err(format!("{level:?}: +, # and {{name}} must fill their level"));
                    }
                    None => Level::Literal(level.into()),
                },
            };
            pattern.levels.push(level);
        }
        Ok(pattern)
    }

    fn capture(&mut self, name: &str) -> Result<u8, String> {
        let allowed = |letter: char| letter.is_alphanumeric() || letter == '_';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(format!("{{{name}}} is no name of a captured level: letters, digits and _"));
        }
        if self.names.iter().any(|known| **known == *name) {
            return Err(format!("{{{name}}} is there twice"));
        }
        if self.names.len() == CAPTURES_MAX {
            return Err(format!("captures more than {CAPTURES_MAX} levels"));
        }
        self.names.push(name.into());
        Ok(self.names.len() as u8 - 1)
    }

    /// The names of its captures, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The place of a capture.
    pub fn place(&self, name: &str) -> Option<u8> {
        self.names.iter().position(|known| **known == *name).map(|place| place as u8)
    }

    /// The MQTT filter that asks for its topics.
    pub fn filter(&self) -> String {
        let levels: Vec<&str> = self
            .levels
            .iter()
            .map(|level| match level {
                Level::Literal(literal) => literal,
                Level::One(_) => "+",
                Level::Rest(_) => "#",
            })
            .collect();
        levels.join("/")
    }

    /// What the topic has in the places of the captures; `None` when it is another topic.
    pub fn matches<'t>(&self, topic: &'t str) -> Option<Captures<'t>> {
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Literal(_))) {
            return None;
        }
        let mut captures = Captures::default();
        let mut rest = Some(topic);
        for level in &self.levels {
            if let Level::Rest(name) = level {
                return match (name, rest) {
                    (None, _) => Some(captures),
                    (Some(_), None | Some("")) => None,
                    (Some(place), Some(rest)) => {
                        captures.0[usize::from(*place)] = rest;
                        Some(captures)
                    }
                };
            }
            let here = rest?;
            let (segment, after) = match here.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (here, None),
            };
            match level {
                Level::Literal(literal) if **literal != *segment => return None,
                Level::One(Some(place)) => captures.0[usize::from(*place)] = segment,
                _ => {}
            }
            rest = after;
        }
        rest.is_none().then_some(captures)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The captures as `name=value`, or `None`.
    fn check(pattern: &str, topic: &str, expected: Option<&str>) {
        let pattern = Pattern::parse(pattern).unwrap();
        let found = pattern.matches(topic).map(|captures| {
            let named =
                pattern.names().enumerate().map(|(place, name)| format!("{name}={}", captures.get(place as u8)));
            named.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found.as_deref(), expected, "{pattern:?} {topic}");
    }

    #[test]
    fn levels_are_captured_whatever_their_script() {
        check("tele/{device}/SENSOR", "tele/tasmota/SENSOR", Some("device=tasmota"));
        check("tele/{device}/SENSOR", "tele/Đồi chè, \"số 1\"/SENSOR", Some("device=Đồi chè, \"số 1\""));
        check("tele/{device}/SENSOR", "tele//SENSOR", Some("device="));
        check("tele/{device}/SENSOR", "tele/a/STATE", None);
        check("tele/{device}/SENSOR", "tele/a/SENSOR/b", None);
        check("tele/{device}/SENSOR", "tele/a", None);
        check("a/+/{x}/b/{y}", "a/1/2/b/3", Some("x=2 y=3"));
        check("trạm/{mã}", "trạm/đo", Some("mã=đo"));
        check("{all#}", "$SYS/x", None);
        check("$SYS/{all#}", "$SYS/x", Some("all=x"));
    }

    #[test]
    fn the_rest_holds_its_slashes_and_something() {
        check("zigbee2mqtt/{device#}", "zigbee2mqtt/nhà/bếp/nhiệt độ", Some("device=nhà/bếp/nhiệt độ"));
        check("zigbee2mqtt/{device#}", "zigbee2mqtt", None);
        check("zigbee2mqtt/{device#}", "zigbee2mqtt/", None);
        check("zigbee2mqtt/#", "zigbee2mqtt", Some(""));
        check("{a}/#", "x/y/z", Some("a=x"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for bad in
            ["", "a/b#", "a+/b", "a/#/b", "{a#}/b", "{a}/{a}", "{}", "{#}", "{a b}", "x{a}", "a\0", "{a", "a/{b}c"]
        {
            assert!(Pattern::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Pattern::parse(&"{a}/".repeat(2)).is_err());
        assert!(Pattern::parse(&"a/".repeat(300)).is_err());
        let nine: Vec<String> = (0..9).map(|place| format!("{{c{place}}}")).collect();
        assert!(Pattern::parse(&nine.join("/")).is_err());
        assert_eq!(Pattern::parse("a/{b}/+/{c#}").unwrap().filter(), "a/+/+/#");
    }

    proptest! {
        #[test]
        fn no_text_panics(pattern in "([a{}#+/$đ]|\\PC){0,20}", topic in "([a/$đ]|\\PC){0,20}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.matches(&topic);
                let filter = pattern.filter();
                prop_assert!(!filter.contains(['{', '}']), "{} is no filter", filter);
            }
        }
    }
}
