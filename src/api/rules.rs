//! `/rules`: the alert rules in force, and changing those that are not in the province's files.
//!
//! Invariants: a change is checked together with everything else that is in force before anything is written, and
//! refused whole with every mistake; one change at a time; the version is on disk before the rules go into the journal,
//! and the answer leaves when the state has them. Nothing is ever deleted: every version stays with its author, time and
//! reason. When the service dies in between, the next start journals what the versions say. A rule of a file is the
//! file's: it is changed there.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::alerts::tagged;
use super::body::{Body, OptionalBody};
use super::door::{Administer, Allowed, SeeAlerts};
use super::headers;
use super::problem::{BadBody, Missing, Problem, Refused, Unchanged};
use super::query::{Asked, FromParams, Id, NO_PLACE, Nothing, Params, limit};
use super::rule_change::{Change, Draft, Wish, change, reason};
use super::time::{Shown, Zone};
use super::{Installing, Parts};
use crate::alerts;
use crate::model::RuleFile;
use crate::registry::RuleVersion;
use crate::rulebook::{self, MADE};

/// Rules in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// What the application gives for rules.
pub struct Desk {
    /// The province's files, as they were read at the start.
    pub files: Vec<RuleFile>,
    /// Brings rules into force.
    pub install: Box<dyn Fn(Vec<RuleFile>) -> Installing + Send + Sync>,
}

/// A rule.
#[derive(Serialize, ToSchema)]
pub struct RuleDocument {
    /// Its name.
    #[schema(example = "smoke-at-night")]
    name: String,
    /// Where it stands: `file` or `api`.
    #[schema(value_type = String, example = "api")]
    origin: &'static str,
    /// The file; null for a rule that was made here.
    #[schema(example = "forest.toml")]
    file: Option<String>,
    /// Its version, and the `ETag`; null for a rule of a file.
    version: Option<i64>,
    /// Whether it is watched.
    enabled: bool,
    /// Whether it is among the rules in force: not when a file has its name, or it no longer fits the registry.
    in_force: bool,
    /// Who made this version; null for a rule of a file.
    author: Option<String>,
    /// When; null for a rule of a file.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Shown>,
    /// What this version did: created, changed, enabled, disabled, restored, removed; null for a rule of a file.
    #[schema(value_type = Option<String>)]
    act: Option<&'static str>,
    /// Why; null for a rule of a file.
    reason: Option<String>,
    /// The rule with the members of a file's table; null when it was removed.
    #[schema(value_type = Option<Object>)]
    rule: Option<Value>,
    /// The same as TOML: the lines that mistakes name are its.
    toml: Option<String>,
    /// Of a change: what is allowed but probably not meant, and which other rules are not in force. Absent when there
    /// is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// A page of rules.
#[derive(Serialize, ToSchema)]
pub struct RuleList {
    /// By name; those of files and those that were made here.
    rules: Vec<RuleDocument>,
    /// Pass it as `next` for the following ones; null when there are no more.
    next: Option<String>,
}

/// The versions of a rule.
#[derive(Serialize, ToSchema)]
pub struct RuleVersions {
    /// The newest first.
    versions: Vec<RuleDocument>,
    /// Pass it as `next` for older ones; null when there are no more.
    next: Option<String>,
}

/// What `/rules` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RulesAsked {
    /// How many at most: 1 to 10,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 10000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<String>,
}

impl FromParams for RulesAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", |text| Ok(text.to_owned()))?,
        })
    }
}

/// What a body of a rule may be, for the description: the members of a rule in a file, and `reason`; or the text of a
/// file with one rule as `toml`, and `reason`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what is read")]
pub struct RuleDraft {
    /// 1 to 40 of a-z, 0-9 and `-`; in `PUT` the address has it.
    #[schema(example = "smoke-at-night")]
    name: Option<String>,
    /// What people are shown.
    title: super::features::Name,
    /// What it watches.
    #[schema(example = "smoke")]
    property: Option<String>,
    /// Thresholds, least severe first; the other members are those of a rule in a file.
    #[schema(value_type = Option<Vec<Object>>)]
    levels: Option<Value>,
    /// The text of a file with this one rule, in the place of all other members but `reason`.
    toml: Option<String>,
    /// Why, for those who read the versions: at most 500 letters.
    reason: Option<String>,
}

/// Why a rule is changed; the body may be absent.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReasonAsked {
    /// For those who read the versions: at most 500 letters.
    reason: String,
}

/// An earlier version is to be in force.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreAsked {
    /// Which.
    version: i64,
    /// For those who read the versions: at most 500 letters.
    #[serde(default)]
    reason: String,
}

/// The rules: those of the province's files and those that were made here.
#[utoipa::path(get, path = "/api/v1/rules", operation_id = "listRules", tag = "alerts", params(RulesAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rules", body = RuleList), Refused))]
pub async fn list(door: Allowed<SeeAlerts>, Asked(asked): Asked<RulesAsked>) -> Result<Json<RuleList>, Problem> {
    let parts = door.parts().clone();
    let all = tokio::task::spawn_blocking(move || documents(&parts)).await.map_err(Problem::internal)??;
    let after = |name: &str| asked.next.as_deref().is_none_or(|next| name > next);
    let mut rules: Vec<_> = all.into_iter().filter(|(name, _)| after(name)).map(|(_, rule)| rule).collect();
    let more = rules.len() > asked.limit;
    rules.truncate(asked.limit);
    let next = rules.last().filter(|_| more).map(|last| last.name.clone());
    Ok(Json(RuleList { rules, next }))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/rules/{name}", operation_id = "readRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name", example = "pm2-5-high")),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rule; `ETag` is its version", body = RuleDocument), Refused, Missing))]
pub async fn one(door: Allowed<SeeAlerts>, Id(name): Id, Asked(Nothing): Asked<Nothing>) -> Result<Response, Problem> {
    let parts = door.parts().clone();
    let all = tokio::task::spawn_blocking(move || documents(&parts)).await.map_err(Problem::internal)??;
    answer(all.into_iter().find(|(known, _)| *known == name).map(|(_, rule)| rule), &name)
}

/// Every version of a rule that was made here, removed ones too.
#[utoipa::path(get, path = "/api/v1/rules/{name}/versions", operation_id = "listRuleVersions", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"), RulesAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The versions", body = RuleVersions), Refused, Missing))]
pub async fn versions(
    door: Allowed<SeeAlerts>,
    Id(name): Id,
    Asked(asked): Asked<RulesAsked>,
) -> Result<Json<RuleVersions>, Problem> {
    let before = asked.next.as_deref().map(|next| next.parse::<i64>()).transpose();
    let before = before.map_err(|_| Problem::parameter("next", NO_PLACE))?;
    let (parts, wanted, limit) = (door.parts().clone(), name.clone(), asked.limit);
    let found = tokio::task::spawn_blocking(move || parts.registry.rule_versions(&wanted, before, limit + 1));
    let mut found = found.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    if found.is_empty() && before.is_none() {
        return Err(Problem::not_found("rule that was made here", &name));
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.version.to_string());
    let newest = if before.is_none() { found.first().map(|newest| newest.version) } else { None };
    let parts = door.parts();
    let document = |version: RuleVersion| {
        let in_force = Some(version.version) == newest && is_in_force(parts, &version);
        made(version, in_force)
    };
    Ok(Json(RuleVersions { versions: found.into_iter().map(document).collect(), next }))
}

/// Makes a rule. It is in force when this is answered.
#[utoipa::path(post, path = "/api/v1/rules", operation_id = "createRule", tag = "alerts", request_body = RuleDraft,
    security(("token" = []), ("session" = [])),
    responses((status = 201, description = "The rule", body = RuleDocument), Refused, BadBody, Unchanged))]
pub async fn create(
    door: Allowed<Administer>,
    Asked(Nothing): Asked<Nothing>,
    Body(body): Body<Value>,
) -> Result<Response, Problem> {
    let draft = Draft::read(body, None)?;
    let name = draft.name.clone();
    let wish = Wish { name, versions: None, reason: draft.reason, change: Change::Create(draft.text) };
    change(&door, wish).await
}

/// Makes a rule, or changes one that was made here, whole. It is in force when this is answered.
#[utoipa::path(put, path = "/api/v1/rules/{name}", operation_id = "putRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"),
        ("if-match" = Option<String>, Header, description = "Only when the rule still has this version")),
    request_body = RuleDraft, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rule", body = RuleDocument),
        (status = 201, description = "The rule is new", body = RuleDocument), Refused, BadBody, Unchanged))]
pub async fn put(
    door: Allowed<Administer>,
    headers: HeaderMap,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(body): Body<Value>,
) -> Result<Response, Problem> {
    let draft = Draft::read(body, Some(&name))?;
    let versions = headers::versions(&headers);
    let wish = Wish { name, versions, reason: draft.reason, change: Change::Put(draft.text) };
    change(&door, wish).await
}

/// Removes a rule that was made here; its alerts end. Its versions stay, and it can be restored.
#[utoipa::path(delete, path = "/api/v1/rules/{name}", operation_id = "removeRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"),
        ("if-match" = Option<String>, Header, description = "Only when the rule still has this version")),
    request_body = ReasonAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The version that says so", body = RuleDocument), Refused, Missing, BadBody, Unchanged))]
pub async fn remove(
    door: Allowed<Administer>,
    headers: HeaderMap,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<ReasonAsked>,
) -> Result<Response, Problem> {
    let (versions, reason) = (headers::versions(&headers), reason(&asked.reason)?);
    change(&door, Wish { name, versions, reason, change: Change::Remove }).await
}

/// Watches a rule again that was made here.
#[utoipa::path(post, path = "/api/v1/rules/{name}/enable", operation_id = "enableRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"),
        ("if-match" = Option<String>, Header, description = "Only when the rule still has this version")),
    request_body = ReasonAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rule", body = RuleDocument), Refused, Missing, BadBody, Unchanged))]
pub async fn enable(
    door: Allowed<Administer>,
    headers: HeaderMap,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<ReasonAsked>,
) -> Result<Response, Problem> {
    let (versions, reason) = (headers::versions(&headers), reason(&asked.reason)?);
    change(&door, Wish { name, versions, reason, change: Change::Enable }).await
}

/// Watches a rule no longer that was made here; its alerts end.
#[utoipa::path(post, path = "/api/v1/rules/{name}/disable", operation_id = "disableRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"),
        ("if-match" = Option<String>, Header, description = "Only when the rule still has this version")),
    request_body = ReasonAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rule", body = RuleDocument), Refused, Missing, BadBody, Unchanged))]
pub async fn disable(
    door: Allowed<Administer>,
    headers: HeaderMap,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
    OptionalBody(asked): OptionalBody<ReasonAsked>,
) -> Result<Response, Problem> {
    let (versions, reason) = (headers::versions(&headers), reason(&asked.reason)?);
    change(&door, Wish { name, versions, reason, change: Change::Disable }).await
}

/// Makes a rule say again what it said in an earlier version, also when it was removed since.
#[utoipa::path(post, path = "/api/v1/rules/{name}/restore", operation_id = "restoreRule", tag = "alerts",
    params(("name" = String, Path, description = "The rule's name"),
        ("if-match" = Option<String>, Header, description = "Only when the rule still has this version")),
    request_body = RestoreAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The rule", body = RuleDocument), Refused, Missing, BadBody, Unchanged))]
pub async fn restore(
    door: Allowed<Administer>,
    headers: HeaderMap,
    Id(name): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<RestoreAsked>,
) -> Result<Response, Problem> {
    let (versions, reason) = (headers::versions(&headers), reason(&asked.reason)?);
    change(&door, Wish { name, versions, reason, change: Change::Restore(asked.version) }).await
}

pub(super) fn answer(rule: Option<RuleDocument>, name: &str) -> Result<Response, Problem> {
    let rule = rule.ok_or_else(|| Problem::not_found("rule", name))?;
    let version = rule.version.and_then(|version| u64::try_from(version).ok());
    Ok(tagged(version.unwrap_or(0), rule))
}

/// Every rule by its name.
fn documents(parts: &Arc<Parts>) -> Result<BTreeMap<String, RuleDocument>, Problem> {
    let mut found = BTreeMap::new();
    for rule in parts.registry.rules_made().map_err(Problem::internal)? {
        let in_force = is_in_force(parts, &rule);
        found.insert(rule.name.clone(), made(rule, in_force));
    }
    for file in &parts.rules.files {
        for (name, rule) in rulebook::rules_in(file) {
            let in_force = parts.state.read().alerts.rules().named(&name).is_some();
            let document = RuleDocument {
                name: name.clone(),
                origin: "file",
                file: Some(file.name.clone()),
                version: None,
                enabled: rulebook::is_enabled(&rule),
                in_force,
                author: None,
                at: None,
                act: None,
                reason: None,
                toml: rulebook::text_of_table(&rule).ok(),
                rule: Some(rulebook::json_of(&rule)),
                warnings: Vec::new(),
            };
            found.insert(name, document);
        }
    }
    Ok(found)
}

/// Whether the rule in force is the one that a version says.
pub(super) fn is_in_force(parts: &Parts, version: &RuleVersion) -> bool {
    let Some(text) = version.text.clone() else { return false };
    let file = RuleFile { name: format!("{MADE}{}", version.name), text };
    let state = parts.state.read();
    let read = alerts::check_rules(&[file], &state.catalogue, &mut Vec::new());
    read.is_ok_and(|rules| rules.named(&version.name) == state.alerts.rules().named(&version.name))
}

impl RuleDocument {
    pub(super) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }
}

pub(super) fn made(version: RuleVersion, in_force: bool) -> RuleDocument {
    let file = version.text.as_ref().map(|text| RuleFile { name: String::new(), text: text.clone() });
    let rule = file.as_ref().and_then(|file| rulebook::rules_in(file).pop_first()).map(|(_, rule)| rule);
    RuleDocument {
        name: version.name,
        origin: "api",
        file: None,
        version: Some(version.version),
        enabled: rule.as_ref().is_some_and(rulebook::is_enabled),
        in_force,
        author: Some(version.author),
        at: Some(Zone::default().show(version.at)),
        act: Some(version.act.word()),
        reason: Some(version.reason),
        rule: rule.as_ref().map(rulebook::json_of),
        toml: version.text,
        warnings: Vec::new(),
    }
}
