//! `/people`: who is told of alerts, how they are reached and what they want to hear. For administrators alone:
//! addresses are personal data, and stand in no log and not in the audit.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Body;
use super::door::{Administer, Allowed};
use super::maintenance::record;
use super::problem::{BadBody, Code, Missing, Problem, ProblemDocument, Refused};
use super::query::{Asked, FromParams, Id, Nothing, Params, limit};
use crate::auth::Act;
use crate::model::PersonId;
use crate::notify::people::{CONTACTS_MAX, PeopleError, SUBSCRIPTIONS_MAX, Wished};
use crate::notify::person::{Person, QUIET_MAX, Subscription};
use crate::notify::{is_area, is_word};

/// Letters of a name and of an address, at most.
const NAME_LENGTH_MAX: usize = 120;
const ADDRESS_LENGTH_MAX: usize = 400;
/// People in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// One way to reach a person.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactDocument {
    /// `mail`, `push`, or the name of a gateway of the configuration.
    #[schema(example = "sms")]
    channel: String,
    /// A mail address, a telephone number, a chat. Of `push` the browser's subscription, which browsers register
    /// themselves.
    #[schema(example = "+84900000000")]
    address: String,
}

/// A person as somebody wants it to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonWished {
    /// The identifier: 1 to 64 letters, digits, - _ and dot. Must be the one of the address when both are given.
    #[schema(example = "lan.kiem-lam")]
    id: Option<String>,
    /// The name.
    #[schema(example = "Lò Thị Lan")]
    name: String,
    /// The account that this person signs in with.
    #[schema(example = "lan")]
    account: Option<String>,
    /// How this person is reached: at most 50.
    #[serde(default)]
    contacts: Vec<ContactDocument>,
    /// What this person wants to hear: at most 50, any one of them is enough. Each may name areas, kinds, causes,
    /// least_severity, channels, languages (vi, en) and quiet hours (from, to, days, zone, through, then).
    #[serde(default)]
    #[schema(value_type = Vec<Object>, example = json!([{"areas": ["03388"], "least_severity": "high",
        "languages": ["vi"], "quiet": [{"from": "22:00", "to": "06:00", "through": "medium", "then": "digest"}]}]))]
    subscriptions: Vec<Subscription>,
    /// The revision that this change was made from; another one is refused. Absent: whatever it is.
    revision: Option<i64>,
}

/// A person.
#[derive(Serialize, ToSchema)]
pub struct PersonDocument {
    /// The identifier.
    #[schema(example = "lan.kiem-lam")]
    id: String,
    /// The name.
    name: String,
    /// The account that this person signs in with.
    account: Option<String>,
    /// Grows with every change.
    revision: i64,
    /// How this person is reached.
    contacts: Vec<ContactDocument>,
    /// What this person wants to hear.
    #[schema(value_type = Vec<Object>)]
    subscriptions: Vec<Subscription>,
}

/// People.
#[derive(Serialize, ToSchema)]
pub struct PersonList {
    /// By identifier.
    people: Vec<PersonDocument>,
    /// Pass it as `next` for the following people; null when there are no more.
    next: Option<String>,
}

/// What `/people` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleAsked {
    /// How many at most: 1 to 1,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<String>,
}

impl FromParams for PeopleAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(text.to_owned()))?,
        })
    }
}

/// Everybody who is told of alerts.
#[utoipa::path(get, path = "/api/v1/people", operation_id = "listPeople", tag = "notifications", params(PeopleAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The people", body = PersonList), Refused))]
pub async fn list(door: Allowed<Administer>, Asked(asked): Asked<PeopleAsked>) -> Result<Json<PersonList>, Problem> {
    let directory = door.parts().courier.desk().people().directory();
    let after = |person: &&std::sync::Arc<Person>| asked.next.as_deref().is_none_or(|next| &*person.id.0 > next);
    let mut people: Vec<_> = directory.people().iter().filter(after).take(asked.limit + 1).collect();
    let more = people.len() > asked.limit;
    people.truncate(asked.limit);
    let next = people.last().filter(|_| more).map(|person| person.id.to_string());
    Ok(Json(PersonList { people: people.iter().map(|person| document(person)).collect(), next }))
}

/// One person.
#[utoipa::path(get, path = "/api/v1/people/{id}", operation_id = "readPerson", tag = "notifications",
    params(("id" = String, Path, description = "The person's identifier", example = "lan.kiem-lam")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The person", body = PersonDocument), Refused, Missing))]
pub async fn one(
    door: Allowed<Administer>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Json<PersonDocument>, Problem> {
    let directory = door.parts().courier.desk().people().directory();
    directory.person(&id).map(|person| Json(document(person))).ok_or_else(|| Problem::not_found("person", &id))
}

/// Adds a person.
#[utoipa::path(post, path = "/api/v1/people", operation_id = "addPerson", tag = "notifications",
    request_body = PersonWished, security(("token" = []), ("session" = [])),
    responses((status = 201, description = "The person", body = PersonDocument), Refused, BadBody,
        (status = 409, description = "There is such a person, or the account is another person's",
            body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn add(
    door: Allowed<Administer>,
    Asked(Nothing): Asked<Nothing>,
    Body(wished): Body<PersonWished>,
) -> Result<(StatusCode, Json<PersonDocument>), Problem> {
    let id = wished.id.clone().ok_or_else(|| wrong("id", "must be given"))?;
    let (wished, _) = settle(&door, id, wished)?;
    let parts = door.parts().clone();
    let added = blocking(move || parts.courier.desk().people().add(&wished, parts.clock.now())).await?;
    record(&door, Act::PersonAdded, added.id.to_string(), detail(&added)).await?;
    Ok((StatusCode::CREATED, Json(document(&added))))
}

/// Changes a person: what is not said of it is no longer so.
#[utoipa::path(put, path = "/api/v1/people/{id}", operation_id = "putPerson", tag = "notifications",
    params(("id" = String, Path, description = "The person's identifier", example = "lan.kiem-lam")),
    request_body = PersonWished, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The person", body = PersonDocument), Refused, BadBody, Missing,
        (status = 409, description = "The account is another person's", body = ProblemDocument,
            content_type = "application/problem+json"),
        (status = 412, description = "It was changed meanwhile", body = ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn put(
    door: Allowed<Administer>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(wished): Body<PersonWished>,
) -> Result<Json<PersonDocument>, Problem> {
    if wished.id.as_ref().is_some_and(|named| *named != id) {
        return Err(wrong("id", "must be the one of the address"));
    }
    let (wished, revision) = settle(&door, id, wished)?;
    let parts = door.parts().clone();
    let changed = blocking(move || parts.courier.desk().people().put(&wished, revision, parts.clock.now())).await?;
    record(&door, Act::PersonChanged, changed.id.to_string(), detail(&changed)).await?;
    Ok(Json(document(&changed)))
}

/// Forgets a person with all addresses. What waits for it is not sent any more.
#[utoipa::path(delete, path = "/api/v1/people/{id}", operation_id = "removePerson", tag = "notifications",
    params(("id" = String, Path, description = "The person's identifier", example = "lan.kiem-lam")),
    security(("token" = []), ("session" = [])),
    responses((status = 204, description = "It is forgotten"), Refused, Missing))]
pub async fn remove(
    door: Allowed<Administer>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<StatusCode, Problem> {
    let (parts, person) = (door.parts().clone(), PersonId(id.as_str().into()));
    blocking(move || parts.courier.desk().people().remove(&person)).await?;
    record(&door, Act::PersonRemoved, id, String::new()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn document(person: &Person) -> PersonDocument {
    let contact = |contact: &crate::notify::person::Contact| ContactDocument {
        channel: contact.channel.clone(),
        address: contact.address.clone(),
    };
    PersonDocument {
        id: person.id.to_string(),
        name: person.name.clone(),
        account: person.account.clone(),
        revision: person.revision,
        contacts: person.contacts.iter().map(contact).collect(),
        subscriptions: person.subscriptions.clone(),
    }
}

/// What the audit says: everything but the addresses.
fn detail(person: &Person) -> String {
    let channels: Vec<&str> = person.contacts.iter().map(|contact| contact.channel.as_str()).collect();
    let (revision, wishes) = (person.revision, person.subscriptions.len());
    format!("revision {revision}: contacts by {}; {wishes} subscriptions", channels.join(", "))
}

fn wrong(key: &str, why: &str) -> Problem {
    Problem::new(Code::InvalidBody, format!("{key}: {why}"))
}

/// Checks what the types do not.
fn settle(door: &Allowed<Administer>, id: String, wished: PersonWished) -> Result<(Wished, Option<i64>), Problem> {
    if !is_word(&id) {
        return Err(wrong("id", "must have 1 to 64 letters, digits, - _ or dots"));
    }
    check_line("name", &wished.name, NAME_LENGTH_MAX)?;
    if wished.contacts.len() > CONTACTS_MAX || wished.subscriptions.len() > SUBSCRIPTIONS_MAX {
        return Err(wrong("contacts", "at most 50 contacts and 50 subscriptions"));
    }
    if let Some(account) = &wished.account {
        check_line("account", account, NAME_LENGTH_MAX)?;
    }
    for (place, contact) in wished.contacts.iter().enumerate() {
        check_contact(door, &format!("contacts[{place}]"), contact)?;
    }
    for (place, subscription) in wished.subscriptions.iter().enumerate() {
        check_subscription(&format!("subscriptions[{place}]"), subscription)?;
    }
    let contacts = wished.contacts.into_iter().map(|contact| (contact.channel, contact.address)).collect();
    let PersonWished { name, account, subscriptions, revision, .. } = wished;
    Ok((Wished { id: PersonId(id.into()), name, account, contacts, subscriptions }, revision))
}

fn check_line(key: &str, text: &str, length_max: usize) -> Result<(), Problem> {
    let length = text.trim().chars().count();
    if length == 0 || length > length_max || text.contains(char::is_control) {
        return Err(wrong(key, &format!("must have 1 to {length_max} letters, none of them a control character")));
    }
    Ok(())
}

fn check_contact(door: &Allowed<Administer>, key: &str, contact: &ContactDocument) -> Result<(), Problem> {
    let address = format!("{key}.address");
    match contact.channel.as_str() {
        "push" => {
            let read = serde_json::from_str::<crate::notify::send::push::Subscription>(&contact.address);
            let subscription = read.map_err(|_| wrong(&address, "must be a browser's subscription in JSON"))?;
            return subscription.check().map_err(|why| wrong(&address, &why));
        }
        "mail" if contact.address.parse::<lettre::Address>().is_err() => {
            return Err(wrong(&address, "must be a mail address"));
        }
        _ => check_line(&address, &contact.address, ADDRESS_LENGTH_MAX)?,
    }
    if !door.parts().courier.senders().has_channel(&contact.channel) {
        let why = "must be mail, push or the name of a gateway, and configured";
        return Err(wrong(&format!("{key}.channel"), why));
    }
    Ok(())
}

fn check_subscription(key: &str, wish: &Subscription) -> Result<(), Problem> {
    let lists = [wish.areas.len(), wish.kinds.len(), wish.causes.len(), wish.channels.len()];
    if lists.into_iter().any(|length| length > 1_000) {
        return Err(wrong(key, "a list has more than 1,000 members"));
    }
    if wish.quiet.len() > QUIET_MAX {
        return Err(wrong(&format!("{key}.quiet"), &format!("has more than {QUIET_MAX} entries")));
    }
    if let Some(area) = wish.areas.iter().find(|area| !is_area(area)) {
        return Err(wrong(&format!("{key}.areas"), &format!("{:?} is no code of an area", area.as_str())));
    }
    if let Some(cause) = wish.causes.iter().chain(&wish.channels).find(|word| !is_word(word)) {
        return Err(wrong(key, &format!("{cause:?} is not a word of letters, digits, - and _")));
    }
    if let Some(quiet) = wish.quiet.iter().find(|quiet| jiff::tz::TimeZone::get(&quiet.zone).is_err()) {
        return Err(wrong(&format!("{key}.quiet"), &format!("{:?} is not a time zone", quiet.zone)));
    }
    Ok(())
}

/// Runs a change of the database where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PeopleError> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(problem)
}

fn problem(error: PeopleError) -> Problem {
    match &error {
        PeopleError::Taken(_) => Problem::new(Code::AlreadyExists, error.to_string()),
        PeopleError::Missing(_) => Problem::new(Code::NotFound, error.to_string()),
        PeopleError::ChangedSince(_) => Problem::new(Code::ChangedSince, error.to_string()),
        PeopleError::AccountTaken(_)
        | PeopleError::Full
        | PeopleError::NobodysAccount(_)
        | PeopleError::TooManyContacts => Problem::new(Code::Conflict, error.to_string()),
        PeopleError::Sqlite { .. } | PeopleError::Unreadable { .. } => Problem::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_so_many_at_most() {
        let check = |count: usize, is_taken: bool| {
            let one = r#"{"from": "22:00", "to": "06:00", "through": "medium"}"#;
            let quiet = serde_json::from_str(&format!("[{}]", vec![one; count].join(","))).unwrap();
            let wish = Subscription { quiet, ..Subscription::default() };
            assert_eq!(check_subscription("subscriptions[0]", &wish).is_ok(), is_taken, "{count}");
        };
        check(50, true);
        check(51, false);
    }
}
