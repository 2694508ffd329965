//! `/push`: browsers that subscribe to notifications of the person who has signed in.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::{Allowed, BeKnown};
use super::maintenance::record;
use super::people::blocking;
use super::problem::{BadBody, Code, Missing, Problem, ProblemDocument, Refused};
use super::query::{Asked, Id, Nothing};
use crate::auth::Act;
use crate::notify::send::push::{Keys, Subscription};

/// The key that browsers need to subscribe.
#[derive(Serialize, ToSchema)]
pub struct PushKey {
    /// `applicationServerKey`: a point of P-256, base64url.
    key: String,
}

/// A browser's subscription, as `PushSubscription.toJSON()` gives it.
#[derive(Deserialize, ToSchema)]
pub struct PushWished {
    /// Where its push service takes messages for it.
    #[schema(example = "https://push.example/abc")]
    endpoint: String,
    /// Its keys.
    keys: PushKeys,
}

/// A browser's keys, base64url.
#[derive(Deserialize, ToSchema)]
pub struct PushKeys {
    /// Its public key: an uncompressed point of P-256.
    p256dh: String,
    /// Its secret: 16 bytes.
    #[schema(format = Password)]
    auth: String,
}

/// A browser that has subscribed.
#[derive(Serialize, ToSchema)]
pub struct PushDocument {
    /// By which it is withdrawn.
    id: String,
    /// The person whose notifications it gets.
    person: String,
}

/// The key that browsers need to subscribe.
#[utoipa::path(get, path = "/api/v1/push/key", operation_id = "readPushKey", tag = "notifications",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The key", body = PushKey), Refused, Missing))]
pub async fn key(door: Allowed<BeKnown>, Asked(Nothing): Asked<Nothing>) -> Result<Json<PushKey>, Problem> {
    let key = door.parts().courier.senders().push_key();
    key.map(|key| Json(PushKey { key })).ok_or_else(|| Problem::not_found("key", "push is not configured"))
}

/// Registers a browser of the person who signs in with this account.
#[utoipa::path(post, path = "/api/v1/push/subscriptions", operation_id = "subscribePush", tag = "notifications",
    request_body = PushWished, security(("token" = []), ("session" = [])),
    responses((status = 201, description = "The browser has subscribed", body = PushDocument), Refused, BadBody, Missing,
        (status = 409, description = "No person signs in with this account", body = ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn subscribe(
    door: Allowed<BeKnown>,
    Asked(Nothing): Asked<Nothing>,
    Body(wished): Body<PushWished>,
) -> Result<(StatusCode, Json<PushDocument>), Problem> {
    if door.parts().courier.senders().push_key().is_none() {
        return Err(Problem::not_found("push service", "push is not configured"));
    }
    let PushWished { endpoint, keys: PushKeys { p256dh, auth } } = wished;
    let subscription = Subscription { endpoint, keys: Keys { p256dh, auth } };
    subscription.check().map_err(|why| Problem::new(Code::InvalidBody, why))?;
    let address = serde_json::to_string(&subscription).map_err(Problem::internal)?;
    let (parts, account) = (door.parts().clone(), door.caller().name.clone());
    let (person, id) =
        blocking(move || parts.courier.desk().people().add_contact(&account, ("push", &address), parts.clock.now()))
            .await?;
    record(&door, Act::PersonChanged, person.to_string(), "a browser has subscribed".to_owned()).await?;
    Ok((StatusCode::CREATED, Json(PushDocument { id, person: person.to_string() })))
}

/// Withdraws a browser of the person who signs in with this account.
#[utoipa::path(delete, path = "/api/v1/push/subscriptions/{id}", operation_id = "unsubscribePush",
    tag = "notifications",
    params(("id" = String, Path, description = "The subscription's identifier")),
    security(("token" = []), ("session" = [])),
    responses((status = 204, description = "It is withdrawn"), Refused, Missing))]
pub async fn unsubscribe(
    door: Allowed<BeKnown>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found("subscription", &id);
    let directory = door.parts().courier.desk().people().directory();
    let account = door.caller().name.as_str();
    let (person, contact) = directory.contact(&id).ok_or_else(missing)?;
    if contact.channel != "push" || person.account.as_deref() != Some(account) {
        return Err(missing());
    }
    let (parts, contact) = (door.parts().clone(), id.clone());
    if !blocking(move || parts.courier.desk().people().remove_contact(&contact)).await? {
        return Err(missing());
    }
    record(&door, Act::PersonChanged, person.id.to_string(), "a browser was withdrawn".to_owned()).await?;
    Ok(StatusCode::NO_CONTENT)
}
