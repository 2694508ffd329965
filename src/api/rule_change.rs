//! Changing a rule that was made by hand: read, checked together with everything in force, written, installed.

use axum::http::header::{IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::Parts;
use super::door::{Administer, Allowed};
use super::problem::{Code, Problem};
use super::rules::{answer, is_made, made};
use super::workflow::{line, wrong};
use crate::auth::{Act, Deed};
use crate::model::RuleFile;
use crate::registry::{NewRuleVersion, RuleAct, RuleVersion};
use crate::rulebook;

/// A rule as it was sent.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) reason: String,
}

impl Draft {
    /// From a body; `name` is the address's.
    pub(super) fn read(body: Value, name: Option<&str>) -> Result<Self, Problem> {
        let Value::Object(mut members) = body else { return Err(wrong("a rule is an object")) };
        let why = match members.remove("reason") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => reason(&text)?,
            Some(_) => return Err(wrong("reason: must be a text")),
        };
        let text = match members.remove("toml") {
            Some(Value::String(text)) if members.is_empty() => text,
            Some(_) => return Err(wrong("toml: must be a text, with no member beside it but reason")),
            None => {
                if let Some(name) = name {
                    members.entry("name").or_insert_with(|| name.into());
                }
                rulebook::text_of(&Value::Object(members)).map_err(wrong)?
            }
        };
        let file = RuleFile { name: String::new(), text };
        let mut names = rulebook::rules_in(&file).into_keys();
        let (found, more) = (names.next(), names.next());
        let given = match (found, name) {
            _ if more.is_some() => return Err(wrong("toml: must hold one rule")),
            (Some(found), Some(name)) if found != name => {
                return Err(wrong(format!("name: {found:?} is not the address's {name:?}")));
            }
            (Some(found), _) => found,
            // The reader of rules says what is wrong, with its line.
            (None, name) => name.unwrap_or("new").to_owned(),
        };
        Ok(Self { name: given, text: file.text, reason: why })
    }
}

/// A change that somebody wants.
pub(super) struct Wish {
    pub(super) name: String,
    /// Those of `If-Match`.
    pub(super) versions: Option<Vec<i64>>,
    pub(super) reason: String,
    pub(super) change: Change,
}

pub(super) enum Change {
    Create(String),
    Put(String),
    Enable,
    Disable,
    Restore(i64),
    Remove,
}

/// Makes a change and sees it through; it goes on when the caller hangs up.
pub(super) async fn change(door: &Allowed<Administer>, wish: Wish) -> Result<Response, Problem> {
    let (parts, author, origin) = (door.parts().clone(), door.caller().name.clone(), door.address());
    let task = tokio::spawn(async move {
        let turn = parts.editing.lock().await;
        let (desk, name) = (parts.clone(), wish.name.clone());
        let written = tokio::task::spawn_blocking(move || write(&desk, &wish, (&author, origin)));
        let written = written.await.map_err(Problem::internal)??;
        let is_new = written.as_ref().is_some_and(|(version, _)| *version == 1);
        if let Some((_, files)) = written {
            (parts.rules.install)(files).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
        }
        drop(turn);
        Ok::<_, Problem>((parts, name, is_new))
    });
    let (parts, name, is_new) = task.await.map_err(Problem::internal)??;
    let wanted = name.clone();
    let newest = tokio::task::spawn_blocking(move || {
        let newest = parts.registry.rule_made(&wanted).map_err(Problem::internal)?;
        let in_force = parts.state.read().alerts.rules().named(&wanted).is_some_and(is_made);
        Ok::<_, Problem>(newest.map(|newest| made(newest, in_force)))
    });
    let mut response = answer(newest.await.map_err(Problem::internal)??, &name)?;
    if is_new {
        *response.status_mut() = StatusCode::CREATED;
        let path = format!("/api/v1/rules/{}", super::query::escaped(&name));
        if let Ok(location) = HeaderValue::from_str(&path) {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    Ok(response)
}

/// Checks a change against everything in force and writes its version; `None` when nothing is different.
fn write(
    parts: &Parts,
    wish: &Wish,
    (author, origin): (&str, std::net::IpAddr),
) -> Result<Option<(i64, Vec<RuleFile>)>, Problem> {
    let name = wish.name.as_str();
    if let Some(file) = rulebook::file_with(&parts.rules.files, name) {
        let why = format!("{name} stands in rules/{} of the province's files: change it there", file.name);
        return Err(Problem::new(Code::DeclaredInFiles, why));
    }
    let newest = parts.registry.rule_made(name).map_err(Problem::internal)?;
    let present = newest.as_ref().map(|newest| newest.version);
    if let Some(versions) = &wish.versions
        && present.is_none_or(|present| !versions.contains(&present))
    {
        let why = format!("the rule has version {} by now", present.map_or("none".to_owned(), |v| v.to_string()));
        return Err(Problem::new(Code::ChangedSince, why));
    }
    let text = newest.and_then(|newest| newest.text);
    let Some((act, wanted)) = wanted(parts, wish, present, text.as_deref())? else { return Ok(None) };
    let mut rules = parts.registry.rules_made().map_err(Problem::internal)?;
    rules.retain(|rule| rule.name != name);
    let now = parts.clock.now();
    let (reason, version) = (wish.reason.clone(), present.unwrap_or(0) + 1);
    let (at, text) = (now, wanted.clone());
    rules.push(RuleVersion { name: name.to_owned(), version, at, author: author.to_owned(), act, reason, text });
    let catalogue = parts.registry.catalogue().map_err(Problem::internal)?;
    let together = rulebook::together(&parts.rules.files, &rules, Some(name), &catalogue);
    let together = together.map_err(Problem::mistakes)?;
    let new = NewRuleVersion { name, at: now, author, act, reason: &wish.reason, text: wanted.as_deref() };
    let version = parts.registry.write_rule(&new).map_err(Problem::internal)?;
    let detail = format!("{} as version {version}: {}", act.word(), wish.reason);
    let deed =
        Deed { actor: author, act: Act::RulesChanged, subject: name, detail: &detail, origin: Some(origin) };
    parts.accounts.audit().record(&deed, now).map_err(Problem::internal)?;
    Ok(Some((version, together.files)))
}

/// What a change does and the rule's text after it; `None` when nothing is different.
fn wanted(
    parts: &Parts,
    wish: &Wish,
    present: Option<i64>,
    text: Option<&str>,
) -> Result<Option<(RuleAct, Option<String>)>, Problem> {
    let missing = || Problem::not_found("rule that was made here", &wish.name);
    let switched = |on: bool| {
        let text = rulebook::enabled(text.ok_or_else(missing)?, on);
        text.ok_or_else(|| Problem::internal(format!("rule {} cannot be read back", wish.name)))
    };
    let (act, wanted) = match &wish.change {
        Change::Create(_) if text.is_some() => {
            return Err(Problem::new(Code::AlreadyExists, format!("there is a rule {:?} already", wish.name)));
        }
        Change::Create(new) => (RuleAct::Created, Some(new.clone())),
        Change::Put(new) => (if text.is_some() { RuleAct::Changed } else { RuleAct::Created }, Some(new.clone())),
        Change::Enable => (RuleAct::Enabled, Some(switched(true)?)),
        Change::Disable => (RuleAct::Disabled, Some(switched(false)?)),
        Change::Remove => {
            text.ok_or_else(missing)?;
            (RuleAct::Removed, None)
        }
        Change::Restore(version) => {
            present.ok_or_else(missing)?;
            let found = parts.registry.rule_versions(&wish.name, Some(version.saturating_add(1)), 1);
            let found = found.map_err(Problem::internal)?.pop().filter(|found| found.version == *version);
            let found = found.and_then(|found| found.text);
            let none = || Problem::not_found("version with a text", &version.to_string());
            (RuleAct::Restored, Some(found.ok_or_else(none)?))
        }
    };
    let is_different = wanted.as_deref() != text;
    Ok(is_different.then_some((act, wanted)))
}

/// The versions that `If-Match` names; `None` for any.
pub(super) fn revisions(headers: &HeaderMap) -> Option<Vec<i64>> {
    let tags = headers.get(IF_MATCH).map(|value| value.to_str().unwrap_or_default().trim())?;
    let revision = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').parse::<i64>().ok();
    (tags != "*").then(|| tags.split(',').filter_map(revision).collect())
}

pub(super) fn reason(text: &str) -> Result<String, Problem> {
    line("reason", text, 0, 500)
}
