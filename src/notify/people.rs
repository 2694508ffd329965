//! People in the database, and the picture of them that messages are addressed by.
//!
//! Every change is one transaction; the picture is made anew after it and shared without a lock. Left out on purpose:
//! the audit's record, which whoever serves the request writes, because it knows who asked.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::person::{Contact, Person, Subscription};
use crate::database::Database;
use crate::model::{PersonId, Timestamp};

/// The most people, and contacts and wishes of one.
pub const PEOPLE_MAX: usize = 100_000;
/// Contacts of one person, at most.
pub const CONTACTS_MAX: usize = 50;
/// Wishes of one person, at most.
pub const SUBSCRIPTIONS_MAX: usize = 50;

/// Why people could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// There is such a person.
    #[error("there is a person {0:?} already")]
    Taken(String),
    /// There is none.
    #[error("there is no person {0:?}")]
    Missing(String),
    /// Changed meanwhile.
    #[error("the person was changed meanwhile: its revision is {0}")]
    ChangedSince(i64),
    /// The account is another person's.
    #[error("the account {0:?} belongs to another person")]
    AccountTaken(String),
    /// The database holds as many as it may.
    #[error("there are {PEOPLE_MAX} people already")]
    Full,
    /// No person has this account.
    #[error("no person signs in as {0:?}")]
    NobodysAccount(String),
    /// The person has as many contacts as it may.
    #[error("the person has {CONTACTS_MAX} contacts already")]
    TooManyContacts,
    /// SQLite refuses.
    #[error("cannot {doing}")]
    Sqlite {
        /// What.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// A wish in the database cannot be read.
    #[error("the wishes of {person} cannot be read")]
    Unreadable {
        /// Whose.
        person: String,
        /// Why.
        source: serde_json::Error,
    },
}

fn sqlite(doing: &'static str) -> impl Fn(rusqlite::Error) -> PeopleError {
    move |source| PeopleError::Sqlite { doing, source }
}

/// A person as somebody wants it to be. A contact without an identifier is new, or the one of the same address.
#[derive(Clone, Debug, PartialEq)]
pub struct Wished {
    /// The identifier.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// The account.
    pub account: Option<String>,
    /// Channel and address of every contact.
    pub contacts: Vec<(String, String)>,
    /// The wishes.
    pub subscriptions: Vec<Subscription>,
}

/// Everybody, as they are now.
#[derive(Debug, Default)]
pub struct Directory {
    people: Vec<Arc<Person>>,
    by_contact: HashMap<String, (usize, usize)>,
}

impl Directory {
    fn new(people: Vec<Arc<Person>>) -> Directory {
        let mut by_contact = HashMap::new();
        for (place, person) in people.iter().enumerate() {
            by_contact
                .extend(person.contacts.iter().enumerate().map(|(at, contact)| (contact.id.clone(), (place, at))));
        }
        Directory { people, by_contact }
    }

    /// Everybody, by identifier.
    pub fn people(&self) -> &[Arc<Person>] {
        &self.people
    }

    /// One person.
    pub fn person(&self, id: &str) -> Option<&Arc<Person>> {
        self.people.binary_search_by(|person| (*person.id.0).cmp(id)).ok().map(|place| &self.people[place])
    }

    /// A contact and whose it is.
    pub fn contact(&self, id: &str) -> Option<(&Person, &Contact)> {
        let (place, at) = self.by_contact.get(id)?;
        let person = self.people.get(*place)?;
        Some((person, person.contacts.get(*at)?))
    }
}

/// People in the database.
pub struct People {
    database: Arc<Database>,
    directory: ArcSwap<Directory>,
}

impl People {
    /// Over a file that is open already.
    pub fn over(database: Arc<Database>) -> Result<People, PeopleError> {
        let people = People { database, directory: ArcSwap::default() };
        let read = read(&people.database.lock())?;
        people.directory.store(Arc::new(Directory::new(read)));
        Ok(people)
    }

    /// Everybody, as they are now.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.load_full()
    }

    /// Adds a person; as it is then.
    pub fn add(&self, wished: &Wished, now: Timestamp) -> Result<Arc<Person>, PeopleError> {
        self.change(&wished.id, "add a person", |transaction| {
            let failed = sqlite("add a person");
            let count: i64 =
                transaction.query_row("SELECT count(*) FROM person", [], |row| row.get(0)).map_err(&failed)?;
            if count >= PEOPLE_MAX as i64 {
                return Err(PeopleError::Full);
            }
            if revision(transaction, &wished.id)?.is_some() {
                return Err(PeopleError::Taken(wished.id.to_string()));
            }
            let sql = "INSERT INTO person (id, name, account, revision, changed_at) VALUES (?1, ?2, ?3, 1, ?4)";
            let row = params![&*wished.id.0, wished.name, wished.account, now.micros()];
            transaction.execute(sql, row).map_err(|error| taken(error, wished))?;
            write(transaction, wished, now)
        })
    }

    /// Changes a person, when `revision` (if given) is still the present one; as it is then.
    pub fn put(&self, wished: &Wished, if_revision: Option<i64>, now: Timestamp) -> Result<Arc<Person>, PeopleError> {
        self.change(&wished.id, "change a person", |transaction| {
            match revision(transaction, &wished.id)? {
                None => return Err(PeopleError::Missing(wished.id.to_string())),
                Some(found) if if_revision.is_some_and(|wanted| wanted != found) => {
                    return Err(PeopleError::ChangedSince(found));
                }
                Some(_) => {}
            }
            let sql =
                "UPDATE person SET name = ?2, account = ?3, revision = revision + 1, changed_at = ?4 WHERE id = ?1";
            let row = params![&*wished.id.0, wished.name, wished.account, now.micros()];
            transaction.execute(sql, row).map_err(|error| taken(error, wished))?;
            write(transaction, wished, now)
        })
    }

    /// Forgets a person with all addresses.
    pub fn remove(&self, id: &PersonId) -> Result<(), PeopleError> {
        let failed = sqlite("remove a person");
        let mut connection = self.database.lock();
        if connection.execute("DELETE FROM person WHERE id = ?1", [&*id.0]).map_err(failed)? == 0 {
            return Err(PeopleError::Missing(id.to_string()));
        }
        self.look_again(&mut connection)
    }

    /// Adds a contact to the person of an account; the contact as it is then. One of the same address is replaced.
    pub fn add_contact(
        &self,
        account: &str,
        (channel, address): (&str, &str),
        now: Timestamp,
    ) -> Result<(PersonId, String), PeopleError> {
        let failed = sqlite("add a contact");
        let mut connection = self.database.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let find = "SELECT id FROM person WHERE account = ?1";
        let person: Option<String> =
            transaction.query_row(find, [account], |row| row.get(0)).optional().map_err(&failed)?;
        let person = person.ok_or_else(|| PeopleError::NobodysAccount(account.to_owned()))?;
        let count = "SELECT count(*) FROM contact WHERE person = ?1";
        let count: i64 = transaction.query_row(count, [&person], |row| row.get(0)).map_err(&failed)?;
        if count >= CONTACTS_MAX as i64 {
            return Err(PeopleError::TooManyContacts);
        }
        let contact = keep_contact(&transaction, &person, count, (channel, address), now).map_err(&failed)?;
        let sql = "UPDATE person SET revision = revision + 1, changed_at = ?2 WHERE id = ?1";
        transaction.execute(sql, params![person, now.micros()]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.look_again(&mut connection)?;
        Ok((PersonId(person.into()), contact))
    }

    /// Forgets a contact: the person withdrew it, or its end-point is gone. Whether there was one.
    pub fn remove_contact(&self, id: &str) -> Result<bool, PeopleError> {
        let failed = sqlite("remove a contact");
        let mut connection = self.database.lock();
        let sql = "UPDATE person SET revision = revision + 1 WHERE id = (SELECT person FROM contact WHERE id = ?1)";
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        transaction.execute(sql, [id]).map_err(&failed)?;
        let gone = transaction.execute("DELETE FROM contact WHERE id = ?1", [id]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.look_again(&mut connection)?;
        Ok(gone > 0)
    }

    fn change(
        &self,
        id: &PersonId,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<(), PeopleError>,
    ) -> Result<Arc<Person>, PeopleError> {
        let mut connection = self.database.lock();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(doing))?;
        change(&transaction)?;
        transaction.commit().map_err(sqlite(doing))?;
        self.look_again(&mut connection)?;
        let person = self.directory().person(&id.0).map(Arc::clone);
        person.ok_or_else(|| PeopleError::Missing(id.to_string()))
    }

    /// Under the connection's lock, so that a later picture is never replaced by an earlier one.
    fn look_again(&self, connection: &mut Connection) -> Result<(), PeopleError> {
        self.directory.store(Arc::new(Directory::new(read(connection)?)));
        Ok(())
    }
}

fn taken(error: rusqlite::Error, wished: &Wished) -> PeopleError {
    match (error.sqlite_error_code(), &wished.account) {
        (Some(rusqlite::ErrorCode::ConstraintViolation), Some(account)) => PeopleError::AccountTaken(account.clone()),
        _ => sqlite("write a person")(error),
    }
}

fn revision(connection: &Connection, id: &PersonId) -> Result<Option<i64>, PeopleError> {
    let found = connection.query_row("SELECT revision FROM person WHERE id = ?1", [&*id.0], |row| row.get(0));
    found.optional().map_err(sqlite("read a person"))
}

/// Contacts of the same address keep their identifiers: what waits for them still finds them.
fn write(transaction: &Transaction<'_>, wished: &Wished, now: Timestamp) -> Result<(), PeopleError> {
    let failed = sqlite("write a person");
    let id: &str = &wished.id.0;
    let mut kept = Vec::new();
    for (place, (channel, address)) in wished.contacts.iter().enumerate() {
        let contact = (channel.as_str(), address.as_str());
        kept.push(keep_contact(transaction, id, place as i64, contact, now).map_err(&failed)?);
    }
    let mut known = transaction.prepare_cached("SELECT id FROM contact WHERE person = ?1").map_err(&failed)?;
    let known = known.query_map([id], |row| row.get::<_, String>(0)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for gone in known.map_err(&failed)?.iter().filter(|contact| !kept.contains(contact)) {
        transaction.execute("DELETE FROM contact WHERE id = ?1", [gone]).map_err(&failed)?;
    }
    transaction.execute("DELETE FROM subscription WHERE person = ?1", [id]).map_err(&failed)?;
    for (place, subscription) in wished.subscriptions.iter().enumerate() {
        let wish = serde_json::to_string(subscription)
            .map_err(|source| PeopleError::Unreadable { person: id.to_owned(), source })?;
        let sql = "INSERT INTO subscription (person, place, wish) VALUES (?1, ?2, ?3)";
        transaction.execute(sql, params![id, place as i64, wish]).map_err(&failed)?;
    }
    Ok(())
}

fn keep_contact(
    transaction: &Transaction<'_>,
    person: &str,
    place: i64,
    (channel, address): (&str, &str),
    now: Timestamp,
) -> rusqlite::Result<String> {
    let sql = "INSERT INTO contact (id, person, place, channel, address, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (person, channel, address) DO UPDATE SET place = excluded.place RETURNING id";
    let id = format!("{:032x}", rand::random::<u128>());
    transaction.query_row(sql, params![id, person, place, channel, address, now.micros()], |row| row.get(0))
}

fn read(connection: &Connection) -> Result<Vec<Arc<Person>>, PeopleError> {
    let failed = sqlite("read the people");
    let mut contacts: HashMap<String, Vec<Contact>> = HashMap::new();
    let mut statement = connection
        .prepare_cached("SELECT person, id, channel, address FROM contact ORDER BY person, place, id")
        .map_err(&failed)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, Contact { id: row.get(1)?, channel: row.get(2)?, address: row.get(3)? }))
    });
    for row in rows.map_err(&failed)? {
        let (person, contact) = row.map_err(&failed)?;
        contacts.entry(person).or_default().push(contact);
    }
    let mut wishes: HashMap<String, Vec<Subscription>> = HashMap::new();
    let mut statement =
        connection.prepare_cached("SELECT person, wish FROM subscription ORDER BY person, place").map_err(&failed)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    for row in rows.map_err(&failed)? {
        let (person, wish) = row.map_err(&failed)?;
        let wish =
            serde_json::from_str(&wish).map_err(|source| PeopleError::Unreadable { person: person.clone(), source })?;
        wishes.entry(person).or_default().push(wish);
    }
    let mut statement =
        connection.prepare_cached("SELECT id, name, account, revision FROM person ORDER BY id").map_err(&failed)?;
    let rows = statement.query_map([], |row| {
        let id: String = row.get(0)?;
        Ok(Arc::new(Person {
            contacts: contacts.remove(&id).unwrap_or_default(),
            subscriptions: wishes.remove(&id).unwrap_or_default(),
            id: PersonId(id.into()),
            name: row.get(1)?,
            account: row.get(2)?,
            revision: row.get(3)?,
        }))
    });
    rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
}
