//! Finding the points that InfluxDB refuses in a batch that it refused.
//!
//! It says that something in a batch is wrong, not reliably what. The batch is halved: the first half is offered, and
//! the bad point is in it or in the other, which then need not be offered to know. Halves not needed for the search
//! are put aside and offered together at the end. So one bad point among n costs log2(n) + 3 requests (16 for 5,000),
//! and a batch of bad points about three for each. A point is only called bad after it was offered alone.

use std::ops::Range;

/// What became of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it was taken.
    Taken,
    /// Something in it was refused, in InfluxDB's words.
    Refused(String),
    /// It is too large (413).
    TooLarge,
}

/// Points by their places in the batch, as ascending pieces.
type Points = Vec<Range<usize>>;

/// Offers points and calls `refused` for each that is bad; the others are taken when it returns.
///
/// # Errors
/// Whatever stopped an offer; what was told to `refused` until then is true nevertheless.
pub(super) fn settle<E>(
    points: Points,
    offer: &mut impl FnMut(&[Range<usize>]) -> Result<Verdict, E>,
    refused: &mut impl FnMut(usize, String),
) -> Result<(), E> {
    match offer(&points)? {
        Verdict::Taken => Ok(()),
        Verdict::TooLarge if count(&points) == 1 => {
            refused(points[0].start, "the point alone is larger than InfluxDB takes".to_owned());
            Ok(())
        }
        Verdict::TooLarge => {
            let (first, second) = halves(&points);
            settle(first, offer, refused)?;
            settle(second, offer, refused)
        }
        Verdict::Refused(told) if count(&points) == 1 => {
            refused(points[0].start, told);
            Ok(())
        }
        Verdict::Refused(_) => search(points, offer, refused),
    }
}

/// Settles points of which at least one is bad.
fn search<E>(
    mut bad: Points,
    offer: &mut impl FnMut(&[Range<usize>]) -> Result<Verdict, E>,
    refused: &mut impl FnMut(usize, String),
) -> Result<(), E> {
    let mut aside: Vec<Points> = Vec::new();
    while count(&bad) > 1 {
        let (first, second) = halves(&bad);
        match offer(&first)? {
            Verdict::Taken => bad = second,
            Verdict::Refused(_) => {
                aside.push(second);
                bad = first;
            }
            Verdict::TooLarge => {
                settle(first, offer, refused)?;
                aside.push(second);
                bad = Vec::new();
            }
        }
    }
    if !bad.is_empty() {
        settle(bad, offer, refused)?;
    }
    if aside.len() > 1 {
        let mut rest: Points = aside.iter().flatten().cloned().collect();
        rest.sort_by_key(|piece| piece.start);
        if offer(&rest)? == Verdict::Taken {
            return Ok(());
        }
    }
    aside.into_iter().rev().try_for_each(|points| settle(points, offer, refused))
}

/// How many points there are.
pub(super) fn count(points: &[Range<usize>]) -> usize {
    points.iter().map(ExactSizeIterator::len).sum()
}

fn halves(points: &[Range<usize>]) -> (Points, Points) {
    let mut left = count(points) / 2;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for piece in points {
        let cut = piece.start + left.min(piece.len());
        left -= cut - piece.start;
        first.extend((cut > piece.start).then_some(piece.start..cut));
        second.extend((cut < piece.end).then_some(cut..piece.end));
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Settles a batch against a server that refuses `bad` and takes at most `most` points: requests, and asserts
    /// that exactly the bad ones were refused and the others taken.
    fn check(total: usize, bad: &BTreeSet<usize>, most: usize) -> usize {
        let (mut requests, mut taken, mut found) = (0, vec![false; total], BTreeSet::new());
        let mut offer = |points: &[Range<usize>]| {
            requests += 1;
            assert!(count(points) > 0, "an empty request");
            if count(points) > most {
                return Ok::<_, ()>(Verdict::TooLarge);
            }
            let offered: Vec<usize> = points.iter().cloned().flatten().collect();
            if bad.iter().any(|point| points.iter().any(|piece| piece.contains(point))) {
                return Ok(Verdict::Refused("bad".to_owned()));
            }
            offered.into_iter().for_each(|point| taken[point] = true);
            Ok(Verdict::Taken)
        };
        settle(vec![0..total], &mut offer, &mut |point, _| assert!(found.insert(point), "told twice")).unwrap();
        assert_eq!(found, *bad);
        assert!((0..total).all(|point| taken[point] != bad.contains(&point)));
        requests
    }

    #[test]
    fn one_bad_point_costs_at_most_20_requests_wherever_it_is() {
        let worst =
            |total: usize| (0..total).step_by(total / 7).map(|bad| check(total, &[bad].into(), total)).max().unwrap();
        assert_eq!(worst(5_000), 16);
        assert!(worst(50_000) <= 20);
    }

    #[test]
    fn a_batch_of_bad_points_costs_a_few_requests_each() {
        let requests = check(500, &(0..500).collect(), 500);
        assert!(requests <= 4 * 500, "{requests}");
    }

    #[test]
    fn a_batch_that_is_too_large_is_halved_until_it_is_not() {
        assert_eq!(check(4_096, &BTreeSet::new(), 1_024), 7);
        assert_eq!(check(1, &[0].into(), 1), 1);
    }

    proptest! {
        #[test]
        fn exactly_the_bad_points_are_refused(
            total in 1usize..200,
            bad in prop::collection::btree_set(0usize..200, 0..20),
            most in 1usize..200,
        ) {
            check(total, &bad.into_iter().filter(|point| *point < total).collect(), most);
        }
    }
}
