//! Where in a nested message (JSON, CBOR) which thing stands, prepared once from a source's configuration.
//!
//! A place is a JSON Pointer (RFC 6901): `/AM2301/Temperature`, `/readings/0`, with `~1` for `/` and `~0` for `~`
//! inside a key; the empty pointer is the whole message. One addition: `*` is every entry of a list. A place may also
//! be written as the keys joined with dots (`AM2301.Temperature`); where a key itself has a dot (`PMS5003.PM2.5`)
//! every way to read it leads to the same name.

use hashbrown::HashMap;

use super::time_form::TimeForm;

/// What is done with a name that the mapping does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlisted {
    /// Each is a refused reading: nothing gets lost unseen.
    #[default]
    Reject,
    /// Passed over, and not counted.
    Ignore,
}

/// What stands at a place.
#[derive(Debug, Default)]
pub(super) enum Role {
    /// Nothing by itself; something below may.
    #[default]
    Inner,
    /// A value of this name.
    Value(Box<str>),
    /// A value whose name stands elsewhere.
    NamedValue,
    /// The name of the value beside it.
    Name,
    /// The unit of the values beside it.
    Unit,
    /// The device that the values beside and below it are of.
    Device,
    /// The time of the values beside and below it.
    Time(TimeForm),
    /// A text that the decoder knows what to do with.
    Note(Note),
    /// Passed over, with all that is below.
    Ignored,
}

/// Texts of a message that only its own decoder understands, by their place in [`Notes`](super::walk::Notes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The unit of temperatures.
    Temperature,
    /// The unit of pressures.
    Pressure,
    /// The unit of speeds.
    Speed,
}

/// Notes that there are.
pub(super) const NOTES: usize = 3;
/// Most keys that one map of a layout names.
pub(super) const KEYS_MAX: usize = 256;
/// Most dots in a name that is written with dots: there are two ways to read each.
const DOTS_MAX: usize = 6;

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) children: HashMap<Box<str>, Child>,
    /// Every entry of a list.
    pub(super) any: Option<Box<Node>>,
}

/// A key's node, with its place among the keys that its map names: below [`KEYS_MAX`].
#[derive(Debug)]
pub(super) struct Child {
    pub(super) place: usize,
    pub(super) node: Node,
}

/// A prepared layout.
#[derive(Debug, Default)]
pub struct Layout {
    pub(super) root: Node,
    pub(super) unlisted: Unlisted,
}

impl Layout {
    /// A layout that names nothing yet.
    pub fn new(unlisted: Unlisted) -> Layout {
        Layout { root: Node::default(), unlisted }
    }

    /// Names the place of a value, as a pointer or with dots.
    pub(super) fn value(&mut self, place: &str) -> Result<(), String> {
        self.both_ways(place, || Role::Value(place.into()))
    }

    /// Names a place whose values are passed over.
    pub(super) fn ignored(&mut self, place: &str) -> Result<(), String> {
        self.both_ways(place, || Role::Ignored)
    }

    fn both_ways(&mut self, place: &str, role: impl Fn() -> Role) -> Result<(), String> {
        if place.is_empty() || place.starts_with('/') {
            return self.put(place, role());
        }
        if place.matches('.').count() > DOTS_MAX {
            return Err(format!("has more than {DOTS_MAX} dots: write it as a JSON Pointer such as /ENERGY/Power"));
        }
        let dots: Vec<usize> = place.match_indices('.').map(|(at, _)| at).collect();
        for choice in 0..1_u32 << dots.len() {
            let mut keys = Vec::new();
            let mut from = 0;
            for (_, at) in dots.iter().enumerate().filter(|(bit, _)| choice >> bit & 1 == 1) {
                keys.push(place[from..*at].to_owned());
                from = at + 1;
            }
            keys.push(place[from..].to_owned());
            self.put_at(&keys, role())?;
        }
        Ok(())
    }

    /// Gives the place that a pointer names a role.
    pub(super) fn put(&mut self, pointer: &str, role: Role) -> Result<(), String> {
        let keys = keys(pointer)?;
        if matches!(role, Role::Value(_)) && keys.last().is_some_and(|key| key == "*") {
            return Err("ends in *: of many values at one time only one could be kept; name its place".to_owned());
        }
        self.put_at(&keys, role)
    }

    fn put_at(&mut self, keys: &[String], role: Role) -> Result<(), String> {
        let mut node = &mut self.root;
        for key in keys {
            if key == "*" {
                node = node.any.get_or_insert_default();
                continue;
            }
            let place = node.children.len();
            let is_full = place >= KEYS_MAX && !node.children.contains_key(key.as_str());
            if is_full {
                return Err(format!("is one of more than {KEYS_MAX} keys of one map"));
            }
            let fresh = || Child { place, node: Node::default() };
            node = &mut node.children.entry_ref(key.as_str()).or_insert_with(fresh).node;
        }
        let is_taken = match (&node.role, &role) {
            (Role::Inner, _) => false,
            (Role::Value(one), Role::Value(other)) => one != other,
            _ => true,
        };
        if is_taken {
            return Err("names a place that has another meaning already".to_owned());
        }
        node.role = role;
        Ok(())
    }
}

/// The keys of a JSON Pointer.
fn keys(pointer: &str) -> Result<Vec<String>, String> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let Some(rest) = pointer.strip_prefix('/') else {
        return Err(format!("{pointer:?} is no JSON Pointer such as /readings/0/value"));
    };
    let unescape = |key: &str| {
        let is_bad = key.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
        if is_bad {
            Err(format!("{pointer:?}: ~ must be written ~0"))
        } else {
            Ok(key.replace("~1", "/").replace("~0", "~"))
        }
    };
    rest.split('/').map(unescape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pointer: &str, expected: Option<&[&str]>) {
        let found = keys(pointer).ok();
        let found: Option<Vec<&str>> = found.as_ref().map(|keys| keys.iter().map(String::as_str).collect());
        assert_eq!(found.as_deref(), expected, "{pointer}");
    }

    #[test]
    fn pointers_are_those_of_rfc_6901_section_5() {
        check("", Some(&[]));
        check("/foo/0", Some(&["foo", "0"]));
        check("/", Some(&[""]));
        check("/a~1b", Some(&["a/b"]));
        check("/m~0n", Some(&["m~n"]));
        check("/~01", Some(&["~1"]));
        check("/ ", Some(&[" "]));
        check("/độ ẩm", Some(&["độ ẩm"]));
        check("foo", None);
        check("/a~", None);
        check("/a~2", None);
    }

    #[test]
    fn a_place_has_one_meaning() {
        let mut layout = Layout::new(Unlisted::Reject);
        assert_eq!(layout.value("/a/b"), Ok(()));
        assert_eq!(layout.value("/a/b"), Ok(()));
        assert!(layout.put("/a/b", Role::Device).is_err());
        assert!(layout.value("a.b").is_err(), "the same place by another name");
        assert!(layout.value("/list/*").is_err());
        assert_eq!(layout.value("/list/*/x"), Ok(()));
        assert!(layout.value("a.b.c.d.e.f.g.h").is_err());
        for key in 0..KEYS_MAX {
            assert_eq!(layout.value(&format!("/many/{key}")), Ok(()));
        }
        assert!(layout.value("/many/more").is_err());
    }
}
