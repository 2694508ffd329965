//! Handing dead letters in again, one or many, and what became of them.
//!
//! In the ledger a letter that is handed in again is received again: its readings count once more in `received`, in
//! what becomes of them now, and in `replayed`; their first refusal stays counted. The letter itself is then gone:
//! stored, or a dead letter of another number with what is still wrong. So handing in twice what cannot be taken yet
//! leaves as many letters as before.
//!
//! Invariants: letters go in oldest first; letters that are made meanwhile are not handed in again by the same request,
//! so that it ends; none is handed in by two requests at once; it goes on when the caller hangs up. Each letter is in the journal as a whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Parts;
use super::problem::{Code, Problem};
use crate::model::Seq;
use crate::store::{DeadLetter, DeadLetterFilter};

/// Letters read from the store at a time, and handed in at a time.
const PIECE: usize = 256;
/// Letters that one request hands in at most.
pub const LETTERS_MAX: usize = 100_000;

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
    /// Whether more letters fit than one request hands in: ask again.
    pub more: bool,
}

/// Hands in the letters with these numbers, ascending. Numbers of letters that are gone are passed over.
async fn hand_in(parts: &Arc<Parts>, numbers: &[Seq], sum: &mut ReplaySum) -> Result<(), Problem> {
    for piece in numbers.chunks(PIECE) {
        let _turn = parts.replaying.lock().await;
        let (reader, piece) = (Arc::clone(parts), piece.to_vec());
        let read = tokio::task::spawn_blocking(move || {
            let found = piece.into_iter().filter_map(|id| reader.store.dead_letter(id).transpose());
            // A damaged letter stays where it is: the list names it.
            found.filter_map(Result::ok).collect::<Vec<DeadLetter>>()
        });
        let letters = read.await.map_err(Problem::internal)?;
        let replayed = (parts.replay)(letters).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
        for outcome in replayed {
            let Ok(outcome) = outcome else {
                sum.left += 1;
                continue;
            };
            sum.letters += 1;
            sum.received += outcome.received;
            sum.stored += outcome.taken;
            sum.duplicate += outcome.duplicate;
            sum.rejected += outcome.rejections.len() as u64;
            for rejection in &outcome.rejections {
                *sum.reasons.entry(rejection.reason.word()).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// Hands in every letter that passes the filter and that `wants` wants, at most `limit`, the oldest first.
pub async fn replay_all(
    parts: Arc<Parts>,
    filter: DeadLetterFilter,
    limit: usize,
    wants: impl Fn(&DeadLetter) -> bool + Send + 'static,
) -> Result<ReplaySum, Problem> {
    let task = tokio::spawn(async move {
        let reader = Arc::clone(&parts);
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
        hand_in(&parts, &numbers, &mut sum).await?;
        Ok(sum)
    });
    task.await.map_err(Problem::internal)?
}
