//! Handing dead letters in again, one or many, and what became of them.
//!
//! In the ledger a letter that is handed in again is received again: its readings count once more in `received`, in
//! what becomes of them now, and in `replayed`; their first refusal stays counted. The letter itself is then gone:
//! stored, or a dead letter of another number with what is still wrong. So handing in twice what cannot be taken yet
//! leaves as many letters as before.
//!
//! Invariants: letters go in oldest first; letters that are made meanwhile are not handed in again by the same request,
//! so that it ends; none is handed in twice, by two requests at once or while the store is behind the journal
//! ([`HandedIn`]); it goes on, with its record in the audit, when the caller hangs up. Each letter is in the journal as
//! a whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::door::Allowed;
use super::problem::{Code, Problem};
use super::{Parts, Replayed};
use crate::auth::{Act, Deed};
use crate::model::Seq;
use crate::store::{DeadLetter, DeadLetterFilter};

/// Letters read from the store at a time, and handed in at a time.
const PIECE: usize = 256;
/// Letters that one request hands in at most, and that may be handed in before the store has followed.
pub const LETTERS_MAX: usize = 100_000;

/// Letters that were handed in and that the store may still show, as it follows the journal later: much later when its
/// server is away. At most [`LETTERS_MAX`]; then nothing is handed in until it has followed.
#[derive(Debug, Default)]
pub struct HandedIn {
    /// Each with its number in the journal now.
    letters: HashMap<Seq, Seq>,
    /// Before the store has come here, it may show what a former process handed in.
    since: Seq,
}

impl HandedIn {
    /// None yet by this process, whose journal ended here when it began.
    pub fn since(since: Seq) -> HandedIn {
        HandedIn { letters: HashMap::new(), since }
    }

    /// Of these letters, those that were not handed in yet; the store has followed through `applied`.
    fn left_of(&mut self, letters: &[Seq], applied: Seq) -> Result<Vec<Seq>, Problem> {
        self.letters.retain(|_, journaled_as| *journaled_as > applied);
        if applied < self.since || self.letters.len() + letters.len() > LETTERS_MAX {
            let why = "the store has not followed the journal to what was handed in before: try again later";
            return Err(Problem::new(Code::Unavailable, why.to_owned()));
        }
        Ok(letters.iter().filter(|id| !self.letters.contains_key(id)).copied().collect())
    }

    fn note(&mut self, letter: Seq, journaled_as: Seq) {
        self.letters.insert(letter, journaled_as);
    }
}

/// Who hands letters in, for the audit.
pub struct Witness {
    parts: Arc<Parts>,
    actor: String,
    origin: IpAddr,
}

impl Witness {
    /// The caller.
    pub fn of<N>(door: &Allowed<N>) -> Witness {
        Witness { parts: door.parts().clone(), actor: door.caller().name.clone(), origin: door.address() }
    }

    /// Writes into the audit what was handed in.
    pub async fn record(self, subject: String, detail: String) -> Result<(), Problem> {
        let noted = tokio::task::spawn_blocking(move || {
            let (act, origin) = (Act::DeadLetterReplayed, Some(self.origin));
            let deed = Deed { actor: &self.actor, act, subject: &subject, detail: &detail, origin };
            self.parts.accounts.audit().record(&deed, self.parts.clock.now())
        });
        noted.await.map_err(Problem::internal)?.map_err(Problem::internal)
    }
}

/// Work that is seen through when the caller hangs up.
pub async fn see_through<T, F>(work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    tokio::spawn(work).await.map_err(Problem::internal)?
}

/// What became of letters that were handed in again.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ReplaySum {
    /// Letters handed in.
    pub letters: u64,
    /// Readings in them.
    pub received: u64,
    /// Readings taken now.
    pub stored: u64,
    /// Readings that were there already.
    pub duplicate: u64,
    /// Readings refused again.
    pub rejected: u64,
    /// Those, by reason.
    #[schema(value_type = BTreeMap<String, u64>, example = json!({"implausible": 3}))]
    pub reasons: BTreeMap<&'static str, u64>,
    /// Letters left as they are: rows of imported files, which are imported again instead.
    pub left: u64,
    /// Whether more letters fit than were handed in, or may come to, as the store is behind: ask again.
    pub more: bool,
}

impl ReplaySum {
    /// For the audit.
    pub fn told(&self) -> String {
        format!("{} letters: {} stored, {} refused again", self.letters, self.stored, self.rejected)
    }

    fn add(&mut self, outcome: Result<Replayed, String>) {
        let Ok(outcome) = outcome else {
            self.left += 1;
            return;
        };
        self.letters += 1;
        self.received += outcome.received;
        self.stored += outcome.taken;
        self.duplicate += outcome.duplicate;
        self.rejected += outcome.rejections.len() as u64;
        for rejection in &outcome.rejections {
            *self.reasons.entry(rejection.reason.word()).or_default() += 1;
        }
    }
}

/// Hands in the letters with these numbers, [`PIECE`] at most; gives what became of each. Those that are gone are passed
/// over.
pub async fn take(parts: &Arc<Parts>, numbers: &[Seq]) -> Result<Vec<Result<Replayed, String>>, Problem> {
    let mut handed_in = parts.replaying.lock().await;
    let (reader, left) = (Arc::clone(parts), handed_in.left_of(numbers, parts.store.applied())?);
    let read = tokio::task::spawn_blocking(move || {
        let found = left.into_iter().filter_map(|id| reader.store.dead_letter(id).transpose());
        // A damaged letter stays where it is: the list names it.
        found.filter_map(Result::ok).collect::<Vec<DeadLetter>>()
    });
    let letters = read.await.map_err(Problem::internal)?;
    let numbers: Vec<Seq> = letters.iter().map(|letter| letter.id).collect();
    let replayed = (parts.replay)(letters).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
    for (id, outcome) in numbers.into_iter().zip(&replayed) {
        if let Ok(outcome) = outcome {
            handed_in.note(id, outcome.seq);
        }
    }
    Ok(replayed)
}

/// Hands in every letter that passes the filter and that `wants` wants, at most `limit`, the oldest first.
pub async fn replay_all(
    parts: &Arc<Parts>,
    filter: DeadLetterFilter,
    limit: usize,
    wants: impl Fn(&DeadLetter) -> bool + Send + 'static,
) -> Result<ReplaySum, Problem> {
    let reader = Arc::clone(parts);
    let read = tokio::task::spawn_blocking(move || {
        let (mut numbers, mut next) = (Vec::new(), None);
        loop {
            let page = reader.store.dead_letters(next, PIECE, &filter)?;
            numbers.extend(page.letters.iter().filter(|letter| wants(letter)).map(|letter| letter.id));
            next = page.before;
            if next.is_none() {
                return Ok(numbers);
            }
        }
    });
    let found: Result<Vec<Seq>, crate::store::StoreError> = read.await.map_err(Problem::internal)?;
    let mut numbers = found.map_err(Problem::internal)?;
    numbers.reverse();
    let mut sum = ReplaySum { more: numbers.len() > limit, ..ReplaySum::default() };
    numbers.truncate(limit);
    for piece in numbers.chunks(PIECE) {
        match take(parts, piece).await {
            Ok(outcomes) => outcomes.into_iter().for_each(|outcome| sum.add(outcome)),
            Err(problem) if sum.letters == 0 => return Err(problem),
            // What went in is told and recorded; the rest is there for another request.
            Err(_) => {
                sum.more = true;
                break;
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_the_caller_hangs_up() {
        let ((go, gate), (done, seen)) = (tokio::sync::oneshot::channel::<()>(), tokio::sync::oneshot::channel());
        let mut work = Box::pin(see_through(async move {
            let _ = gate.await;
            let _ = done.send(());
            Ok(())
        }));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut work).await.is_err());
        drop(work);
        go.send(()).unwrap();
        seen.await.unwrap();
    }

    #[test]
    fn a_letter_is_not_handed_in_again_before_the_store_has_followed() {
        let mut handed_in = HandedIn::since(Seq(10));
        assert!(handed_in.left_of(&[Seq(3)], Seq(9)).is_err(), "a former process may have handed it in");
        let mut check = |applied: u64, expected: &[Seq]| {
            let left = handed_in.left_of(&[Seq(3), Seq(4)], Seq(applied)).map_err(|_| "refused");
            assert_eq!(left.as_deref(), Ok(expected), "{applied}");
            handed_in.note(Seq(3), Seq(12));
        };
        check(10, &[Seq(3), Seq(4)]);
        check(10, &[Seq(4)]);
        check(11, &[Seq(4)]);
        check(12, &[Seq(3), Seq(4)]);
        (0..LETTERS_MAX as u64).for_each(|id| handed_in.note(Seq(100 + id), Seq(1_000_000)));
        assert!(handed_in.left_of(&[Seq(5)], Seq(12)).is_err(), "bounded");
        assert!(handed_in.left_of(&[Seq(5)], Seq(1_000_000)).is_ok());
    }
}
