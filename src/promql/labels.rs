//! The labels of a series: names and values, ascending by name, each name once.

use std::sync::Arc;

/// The label that holds the metric's name.
pub const NAME: &str = "__name__";

/// See the module. Cloning one costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// From pairs; empty values are no labels, and of a name the last value stays.
    pub fn of(pairs: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Labels {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                kept.1 = Arc::clone(&later.1);
            }
            is_same
        });
        Labels(pairs.into())
    }

    /// A label's value; empty when it has none.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.binary_search_by(|(known, _)| known.as_ref().cmp(name)).ok();
        found.and_then(|place| self.0.get(place)).map_or("", |(_, value)| value)
    }

    /// Every label.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// Those that are kept.
    pub fn filtered(&self, keeps: impl Fn(&str) -> bool) -> Labels {
        Labels(self.0.iter().filter(|(name, _)| keeps(name)).cloned().collect())
    }

    /// Without the metric's name: the values are not what was observed any more.
    pub fn without_name(&self) -> Labels {
        if self.get(NAME).is_empty() { self.clone() } else { self.filtered(|name| name != NAME) }
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
