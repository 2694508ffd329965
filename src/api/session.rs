//! Signing in and out on the pages, and who one is.
//!
//! The session's token travels only in a cookie that scripts cannot read and other sites do not send. Programs use
//! tokens issued by `saola token issue`.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::door::{Allowed, Anyone, BeKnown, Credential, SESSION_COOKIE};
use super::problem::{BadBody, Code, Problem, ProblemDocument, Refused};
use super::query::{Asked, Nothing};
use super::time::{Shown, Zone};
use crate::auth::{self, Attempt, Scope};

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    #[schema(example = "admin")]
    name: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
}

/// A session that has begun.
#[derive(Serialize, ToSchema)]
pub struct SessionDocument {
    /// The account's name.
    name: String,
    /// Its role.
    #[schema(value_type = String, example = "operator")]
    role: &'static str,
    /// When the session ends by itself.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Shown,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The account's name.
    name: String,
    /// Its role: administrator, operator, planner or ranger.
    #[schema(value_type = String, example = "operator")]
    role: &'static str,
    /// Codes of the areas that it may see; null when it may see everything.
    #[schema(value_type = Option<Vec<String>>)]
    areas: Option<Vec<String>>,
    /// Whether this is the demo, which lets in everybody on this machine.
    demo: bool,
}

/// Signs in: sets the cookie `saola_session`.
#[utoipa::path(post, path = "/api/v1/session", operation_id = "signIn", tag = "session", security(()), request_body = SignIn,
    responses(
        (status = 200, description = "Signed in", body = SessionDocument,
            headers(("set-cookie" = String, description = "saola_session; HttpOnly, SameSite=Strict"))),
        Refused, BadBody,
        (status = 429, description = "Too many attempts", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn sign_in(
    anyone: Anyone,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<SignIn>,
) -> Result<Response, Problem> {
    let parts = Arc::clone(anyone.parts());
    let lifetime = parts.config.session_lifetime;
    let now = parts.clock.now();
    let origin = Some(anyone.address());
    // Checking a password costs tens of milliseconds on purpose: not on a thread that serves others.
    let checked = tokio::task::spawn_blocking(move || {
        let attempt = Attempt { name: &asked.name, password: &asked.password, origin };
        parts.accounts.sign_in(&attempt, now, lifetime.duration())
    });
    let session = match checked.await.map_err(Problem::internal)?.map_err(Problem::internal)? {
        auth::SignIn::In(session) => session,
        auth::SignIn::Refused => {
            let why = "the name and the password do not belong together, or the account is disabled";
            return Err(Problem::new(Code::WrongCredentials, why));
        }
        auth::SignIn::HeldBack { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            let why = format!("too many tries to sign in with this name; try again in {seconds} s");
            return Err(Problem::new(Code::TooManyAttempts, why).retry_after(seconds));
        }
    };
    let body = SessionDocument {
        name: session.caller.name,
        role: session.caller.role.word(),
        expires_at: Zone::default().show(session.expires_at),
    };
    let mut response = Json(body).into_response();
    set_cookie(&mut response, &headers, &session.token, lifetime.duration().as_secs())?;
    Ok(response)
}

/// Signs out: withdraws the session and clears the cookie.
#[utoipa::path(delete, path = "/api/v1/session", operation_id = "signOut", tag = "session",
    security(("token" = []), ("session" = [])),
    responses((status = 204, description = "Signed out"), Refused))]
pub async fn sign_out(
    door: Allowed<BeKnown>,
    headers: HeaderMap,
    Asked(Nothing): Asked<Nothing>,
) -> Result<Response, Problem> {
    if let Credential::Bearer(token) | Credential::Cookie(token) = door.credential().clone() {
        let parts = Arc::clone(door.parts());
        let now = parts.clock.now();
        let revoked = tokio::task::spawn_blocking(move || parts.accounts.revoke(&token, now)).await;
        revoked.map_err(Problem::internal)?.map_err(Problem::internal)?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if headers.contains_key(COOKIE) {
        set_cookie(&mut response, &headers, "", 0)?;
    }
    Ok(response)
}

/// Who asks, and what they may see.
#[utoipa::path(get, path = "/api/v1/me", operation_id = "readMe", tag = "session",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The caller", body = Me), Refused))]
pub async fn me(door: Allowed<BeKnown>, Asked(Nothing): Asked<Nothing>) -> Json<Me> {
    let caller = door.caller();
    Json(Me {
        name: caller.name.clone(),
        role: caller.role.word(),
        areas: match &caller.scope {
            Scope::All => None,
            Scope::Areas(areas) => Some(areas.iter().map(ToString::to_string).collect()),
        },
        demo: *door.credential() == Credential::Demo,
    })
}

fn set_cookie(response: &mut Response, asked: &HeaderMap, token: &str, seconds: u64) -> Result<(), Problem> {
    // Behind a proxy that ends TLS the cookie must not travel without it.
    let encrypted = asked.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes() == b"https");
    let secure = if encrypted { "; Secure" } else { "" };
    let cookie = format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    response.headers_mut().insert(SET_COOKIE, HeaderValue::from_str(&cookie).map_err(Problem::internal)?);
    Ok(())
}
