//! What people say about alerts, as the audit has it: one record for each entry that was obeyed, made from the entry.
//!
//! Whoever finds it missing writes it, so it is there after a kill too; a record that is there is never written twice.

use super::AuthError;
use super::audit::{Act, Audit, Deed, write_of_entry};
use crate::model::{Order, Word};

impl Audit<'_> {
    /// Records words that have no record yet; on disk when this returns.
    pub fn record_said(&self, said: &[Word]) -> Result<(), AuthError> {
        if said.is_empty() {
            return Ok(());
        }
        let mut connection = self.database.lock();
        let transaction = connection.transaction().map_err(AuthError::sqlite("begin a record"))?;
        for Word { seq, at, command } in said {
            let (act, detail) = told(&command.order);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Accounts, PasswordCost};
    use crate::database::Database;
    use crate::model::{AlertCommand, AlertId, Order, Seq, Timestamp, Word};

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
