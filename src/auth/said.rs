//! What people say about alerts, as the audit has it: one record for each entry that was obeyed, made from the entry.
//!
//! Whoever finds it missing writes it, so it is there after a kill too; a record that is there is never written twice.

use std::time::Duration;

use super::AuthError;
use super::audit::{Act, Audit, Deed, write_of_entry};
use crate::model::{Order, Span, Timestamp, Word};

/// What came no later than this came at once.
const LATE_FROM: Duration = Duration::from_secs(60);

impl Audit<'_> {
    /// Records words that have no record yet; on disk when this returns.
    pub fn record_said(&self, said: &[Word]) -> Result<(), AuthError> {
        if said.is_empty() {
            return Ok(());
        }
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(AuthError::sqlite("begin a record"))?;
        for Word { seq, at, command } in said {
            let (act, mut detail) = told(&command.order);
            detail.push_str(&came(command.said_at, *at));
            let (actor, subject, origin) = (command.author.as_str(), &*command.alert.0, command.origin);
            let deed = Deed { actor, act, subject, detail: &detail, origin };
            write_of_entry(&transaction, &deed, *at, *seq).map_err(AuthError::sqlite("write to the audit"))?;
        }
        transaction.commit().map_err(AuthError::sqlite("commit to the audit"))
    }
}

fn told(order: &Order) -> (Act, String) {
    match order {
        Order::Acknowledge { note } => (Act::AlertAcknowledged, note.clone()),
        Order::Unacknowledge { note } => (Act::AlertUnacknowledged, note.clone()),
        Order::Assign { to, note } => (Act::AlertAssigned, format!("to {}: {note}", to.as_deref().unwrap_or("nobody"))),
        Order::Comment { text } => (Act::AlertCommented, text.clone()),
        Order::Shelve { until, reason } => (Act::AlertShelved, format!("until {until}: {reason}")),
        Order::Unshelve { note } => (Act::AlertUnshelved, note.clone()),
        Order::Close { cause, note } => (Act::AlertClosed, format!("{}: {note}", cause.word())),
    }
}

/// When a word was said by the clock of the author's own device, and how late it came from there.
fn came(said_at: Option<Timestamp>, received_at: Timestamp) -> String {
    let Some(said_at) = said_at else { return String::new() };
    let (late, ahead) = (received_at.since(said_at), said_at.since(received_at));
    let how = if late >= LATE_FROM {
        format!(", came {} late", Span::from_seconds(late.as_secs()))
    } else if ahead >= LATE_FROM {
        format!(", its clock {} ahead", Span::from_seconds(ahead.as_secs()))
    } else {
        String::new()
    };
    format!(" [said {said_at} by the device{how}]")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Accounts, PasswordCost};
    use crate::database::Database;
    use crate::model::{AlertCommand, AlertId, Order, Seq, Timestamp, Word};

    #[test]
    fn what_came_late_from_a_device_says_so() {
        let received_at = Timestamp::from_seconds(1_800_000_000);
        let check = |ago: i64, expected: &str| {
            let said_at = Timestamp::from_seconds(1_800_000_000 - ago);
            assert_eq!(super::came(Some(said_at), received_at), format!(" [said {said_at} by the device{expected}]"));
        };
        check(0, "");
        check(59, "");
        check(3_720, ", came 1h2m late");
        check(-7_200, ", its clock 2h ahead");
        assert_eq!(super::came(None, received_at), "");
    }

    #[test]
    fn a_word_has_one_record_however_often_it_is_written_and_the_whole_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = Arc::new(Database::open(&folder.path().join("a.db")).unwrap());
        let accounts = Accounts::over(database, PasswordCost { memory_kib: 8, passes: 1 }).unwrap();
        let text = "đ".repeat(2_000);
        let said = |seq, text: &str| Word {
            seq: Seq(seq),
            at: Timestamp::from_seconds(1_800_000_000),
            command: Box::new(AlertCommand {
                alert: AlertId("a".into()),
                author: "an".into(),
                order: Order::Comment { text: text.into() },
                said_at: None,
                versions: None,
                key: None,
                origin: Some([10, 0, 0, 1].into()),
            }),
        };
        accounts.audit().record_said(&[said(7, &text)]).unwrap();
        accounts.audit().record_said(&[said(7, &text), said(8, "b")]).unwrap();
        let records = accounts.audit().records(0, 10).unwrap();
        let details: Vec<_> = records.iter().map(|record| record.detail.as_str()).collect();
        assert_eq!(details, [text.as_str(), "b"]);
        assert_eq!((records[0].actor.as_str(), records[0].origin.as_deref()), ("an", Some("10.0.0.1")));
    }
}
