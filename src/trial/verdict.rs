//! Expected transitions beside those that came: a difference that a person can read.

/// One line of the comparison, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Expected, and it came.
    Same(String),
    /// Expected, and it did not come.
    Missing(String),
    /// It came, and nobody expected it.
    Unexpected(String),
}

impl Line {
    /// Whether it is as it should be.
    pub fn is_same(&self) -> bool {
        matches!(self, Line::Same(_))
    }
}

/// `  ` before what is the same, `- ` before what did not come, `+ ` before what nobody expected.
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Line::Same(text) => write!(f, "  {text}"),
            Line::Missing(text) => write!(f, "- {text}"),
            Line::Unexpected(text) => write!(f, "+ {text}"),
        }
    }
}

/// Lays two lists beside each other so that as many as can be are the same, in their order. `fits` says whether one
/// that came is one that was expected.
pub(super) fn compare<E, F>(
    expected: &[E],
    found: &[F],
    fits: impl Fn(&E, &F) -> bool,
    show: (impl Fn(&E) -> String, impl Fn(&F) -> String),
) -> Vec<Line> {
    // best[e][f]: the most that can be the same of expected[e..] and found[f..].
    let mut best = vec![vec![0usize; found.len() + 1]; expected.len() + 1];
    for (e, one) in expected.iter().enumerate().rev() {
        for (f, other) in found.iter().enumerate().rev() {
            let apart = best[e + 1][f].max(best[e][f + 1]);
            best[e][f] = if fits(one, other) { apart.max(best[e + 1][f + 1] + 1) } else { apart };
        }
    }
    let (mut e, mut f, mut lines) = (0, 0, Vec::new());
    while e < expected.len() || f < found.len() {
        let both = expected.get(e).zip(found.get(f));
        if let Some((one, other)) = both
            && fits(one, other)
            && best[e][f] == best[e + 1][f + 1] + 1
        {
            lines.push(Line::Same(show.1(other)));
            (e, f) = (e + 1, f + 1);
        } else if f == found.len() || e < expected.len() && best[e + 1][f] >= best[e][f + 1] {
            lines.push(Line::Missing(show.0(&expected[e])));
            e += 1;
        } else {
            lines.push(Line::Unexpected(show.1(&found[f])));
            f += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str, found: &str, lines: &[&str]) {
        let letters = |text: &str| text.chars().collect::<Vec<char>>();
        let told = compare(
            &letters(expected),
            &letters(found),
            |one, other| one == other,
            (ToString::to_string, ToString::to_string),
        );
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told, lines, "{expected} beside {found}");
    }

    #[test]
    fn what_is_the_same_stays_together() {
        check("abc", "abc", &["  a", "  b", "  c"]);
        check("abc", "ac", &["  a", "- b", "  c"]);
        check("ac", "abc", &["  a", "+ b", "  c"]);
        check("abd", "acd", &["  a", "- b", "+ c", "  d"]);
        check("", "a", &["+ a"]);
        check("a", "", &["- a"]);
        check("", "", &[]);
    }
}
