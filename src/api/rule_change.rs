//! Changing a rule that was made by hand: read, checked together with everything in force, written, installed.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::Parts;
use super::body::{line, wrong};
use super::door::{Administer, Allowed};
use super::problem::{Code, Problem};
use super::rules::{answer, is_in_force, made};
use crate::auth::{self, Act, Deed};
use crate::model::{Mistake, RuleFile};
use crate::registry::{NewRuleVersion, RuleAct, RuleVersion};
use crate::rulebook::{self, MADE, Together};

/// Bytes of a rule's text.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Bytes of all rules together: they are one entry of the journal, which holds 64 MiB.
const TOGETHER_BYTES_MAX: usize = 32 << 20;

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
        if text.len() > TEXT_BYTES_MAX {
            return Err(wrong(format!("the rule has {} bytes; {TEXT_BYTES_MAX} are allowed", text.len())));
        }
        let file = RuleFile { name: String::new(), text };
        match rulebook::count_in(&file) {
            Some(0) => {
                let (file, message) =
                    (format!("{MADE}{}", name.unwrap_or("new")), "is missing: one [[rule]] is wanted");
                let (key, message) = ("rule".to_owned(), message.to_owned());
                return Err(Problem::mistakes(vec![Mistake { file, line: 1, key, message }]));
            }
            Some(2..) => return Err(wrong("toml: must hold one rule")),
            // The reader of rules says what is wrong with what is no list.
            Some(1) | None => {}
        }
        let given = match (rulebook::rules_in(&file).into_keys().next(), name) {
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
        if let Some(files) = written.files {
            (parts.rules.install)(files).await.map_err(|why| Problem::new(Code::Unavailable, why))?;
            let refused = parts.state.read().alerts.refused().to_vec();
            if !refused.is_empty() {
                tracing::error!(rule.name = name, mistakes = ?refused, "rules that were checked are refused");
                return Err(Problem::mistakes(refused));
            }
        }
        drop(turn);
        Ok::<_, Problem>((parts, name, written.is_new, written.warnings))
    });
    let (parts, name, is_new, warnings) = task.await.map_err(Problem::internal)??;
    let wanted = name.clone();
    let newest = tokio::task::spawn_blocking(move || {
        let newest = parts.registry.rule_made(&wanted).map_err(Problem::internal)?;
        let document = |newest: RuleVersion| {
            let in_force = is_in_force(&parts, &newest);
            made(newest, in_force).with_warnings(warnings)
        };
        Ok::<_, Problem>(newest.map(document))
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

/// A change that is on disk.
struct Written {
    /// There was no rule of this name.
    is_new: bool,
    /// What is to be in force from now on; `None` when it is already.
    files: Option<Vec<RuleFile>>,
    /// What is allowed, but probably not meant, and which other rules are not in force.
    warnings: Vec<String>,
}

/// Checks a change against everything in force and writes its version, unless nothing is different.
fn write(parts: &Parts, wish: &Wish, (author, origin): (&str, std::net::IpAddr)) -> Result<Written, Problem> {
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
    let is_in_force = newest.as_ref().is_none_or(|newest| newest.text.is_none() || is_in_force(parts, newest));
    let text = newest.and_then(|newest| newest.text);
    let is_new = text.is_none();
    let mut rules = parts.registry.rules_made().map_err(Problem::internal)?;
    let Some((act, wanted)) = wanted(parts, wish, present, text.as_deref())? else {
        // Written before, and maybe never brought into force.
        let together = (!is_in_force).then(|| checked(parts, &rules, name)).transpose()?;
        return Ok(Written { is_new: false, files: together.map(|together| together.files), warnings: Vec::new() });
    };
    rules.retain(|rule| rule.name != name);
    let now = parts.clock.now();
    let (reason, version) = (wish.reason.clone(), present.unwrap_or(0) + 1);
    let (at, text) = (now, wanted.clone());
    rules.push(RuleVersion { name: name.to_owned(), version, at, author: author.to_owned(), act, reason, text });
    let together = checked(parts, &rules, name)?;
    together.tell();
    let new = NewRuleVersion { name, at: now, author, act, reason: &wish.reason, text: wanted.as_deref() };
    let beside = |connection: &rusqlite::Connection, version: i64| {
        let detail = format!("{} as version {version}: {}", act.word(), wish.reason);
        let deed = Deed { actor: author, act: Act::RulesChanged, subject: name, detail: &detail, origin: Some(origin) };
        auth::record_within(connection, &deed, now)
    };
    parts.registry.write_rule(&new, beside).map_err(Problem::internal)?;
    let not_in_force = together.set_aside.iter().map(|mistake| format!("not in force: {mistake}"));
    let own = format!("{MADE}{name}");
    let doubts = together.doubts.iter().filter(|doubt| doubt.file == own).map(ToString::to_string);
    let warnings = doubts.chain(not_in_force).collect();
    Ok(Written { is_new, files: Some(together.files), warnings })
}

/// Every rule that is to be in force together; refused when a rule in force would not be any more, or when there is too
/// much of it.
fn checked(parts: &Parts, rules: &[RuleVersion], name: &str) -> Result<Together, Problem> {
    let catalogue = parts.registry.catalogue().map_err(Problem::internal)?;
    let together = rulebook::together(&parts.rules.files, rules, Some(name), &catalogue).map_err(Problem::mistakes)?;
    let state = parts.state.read();
    let is_lost = |mistake: &&Mistake| {
        let other = mistake.file.strip_prefix(MADE);
        other.is_some_and(|other| state.alerts.rules().named(other).is_some_and(|rule| rule.file == mistake.file))
    };
    if let Some(lost) = together.set_aside.iter().find(is_lost) {
        let why = format!("a rule that is in force would not be any more, mend or remove it first: {lost}");
        return Err(Problem::new(Code::Conflict, why));
    }
    let bytes: usize = together.files.iter().map(|file| file.name.len() + file.text.len()).sum();
    if bytes > TOGETHER_BYTES_MAX {
        let why = format!("all rules together have {bytes} bytes; {TOGETHER_BYTES_MAX} are allowed");
        return Err(Problem::new(Code::Conflict, why));
    }
    Ok(together)
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

pub(super) fn reason(text: &str) -> Result<String, Problem> {
    line("reason", text, 0, 500)
}
