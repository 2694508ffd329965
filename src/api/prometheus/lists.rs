//! What series there are: labels, their values, series, metadata; and what is spoken here.
//!
//! A series is there as long as its channel is registered, whatever was observed of it: `start` and `end` narrow nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::super::query::Id;
use super::*;

/// The documented parameters of lists.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the description of what `Fields` takes")]
pub struct ListAsked {
    /// Only of series that one of these selectors names; may be repeated.
    #[param(rename = "match[]", value_type = Option<Vec<String>>, example = json!(["pm2_5{kind=\"air\"}"]))]
    matches: Vec<String>,
    /// How many at most; absent or 0: all of them.
    #[param(value_type = Option<u32>, minimum = 0)]
    limit: Option<usize>,
}

/// The names of labels.
#[utoipa::path(get, path = "/prometheus/api/v1/labels", operation_id = "promLabels", tag = "history", params(ListAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The names, ascending", body = Success), Failed))]
pub async fn labels(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    names(&door, &fields)
}

/// The same with the parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/labels", operation_id = "promLabelsByForm", tag = "history",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The names, ascending", body = Success), Failed))]
pub async fn labels_by_form(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    names(&door, &fields)
}

/// The values of a label.
#[utoipa::path(get, path = "/prometheus/api/v1/label/{name}/values", operation_id = "promLabelValues", tag = "history",
    params(("name" = String, Path, description = "The label; `__name__` for the properties", example = "station"),
        ListAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The values, ascending", body = Success), Failed))]
pub async fn label_values(door: Allowed<SeeHistory>, Id(name): Id, fields: Fields) -> Result<Response, Unanswered> {
    let found = selected(&door, &fields)?;
    let values: BTreeSet<&str> =
        found.iter().map(|series| series.labels.get(&name)).filter(|it| !it.is_empty()).collect();
    Ok(answer::success(json!(values.into_iter().take(fields.limit()?).collect::<Vec<_>>())))
}

/// The series that selectors name.
#[utoipa::path(get, path = "/prometheus/api/v1/series", operation_id = "promSeries", tag = "history", params(ListAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The labels of each", body = Success), Failed))]
pub async fn series_list(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    of_selectors(&door, &fields)
}

/// The same with the parameters as a form.
#[utoipa::path(post, path = "/prometheus/api/v1/series", operation_id = "promSeriesByForm", tag = "history",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The labels of each", body = Success), Failed))]
pub async fn series_by_form(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    of_selectors(&door, &fields)
}

/// What is observed, by property, with its unit (UCUM).
#[utoipa::path(get, path = "/prometheus/api/v1/metadata", operation_id = "promMetadata", tag = "history",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "Type, help and unit of each property", body = Success), Failed))]
pub async fn metadata(door: Allowed<SeeHistory>, fields: Fields) -> Result<Response, Unanswered> {
    let wanted = fields.one("metric")?;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for series in series(&door) {
        let (name, unit) = (series.labels.get(NAME), series.labels.get("unit"));
        if wanted.is_none_or(|wanted| wanted == name) {
            found.entry(name.to_owned()).or_default().insert(unit.to_owned());
        }
    }
    let about = |(name, units): (String, BTreeSet<String>)| {
        let of_unit = |unit: &String| json!({"type": "gauge", "help": format!("{name}, {unit} (UCUM)"), "unit": unit});
        let told: Vec<_> = units.iter().map(of_unit).collect();
        (name, json!(told))
    };
    let limit = fields.limit()?;
    let told: serde_json::Map<String, serde_json::Value> = found.into_iter().take(limit).map(about).collect();
    Ok(answer::success(json!(told)))
}

/// What is spoken here: by it clients know which of Prometheus's features they may use.
#[utoipa::path(get, path = "/prometheus/api/v1/status/buildinfo", operation_id = "promBuildInformation", tag = "history",
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "Version and application", body = Success), Failed))]
pub async fn build_information(door: Allowed<SeeHistory>) -> Json<serde_json::Value> {
    drop(door);
    // The version of the interface that is spoken, not of Saola: Grafana chooses its requests by it.
    let told = json!({
        "application": "Saola", "version": "2.55.0", "revision": env!("CARGO_PKG_VERSION"), "branch": "",
        "buildUser": "", "buildDate": "", "goVersion": "",
    });
    Json(json!({"status": "success", "data": told}))
}

/// The series that any of `match[]` names; all of them when there is none.
fn selected(door: &Allowed<SeeHistory>, fields: &Fields) -> Result<Vec<Series>, Unanswered> {
    let all = super::series(door);
    let selectors = fields.many("match[]");
    if selectors.is_empty() {
        return Ok(all);
    }
    let mut found: BTreeMap<Labels, Series> = BTreeMap::new();
    for text in selectors {
        let selector = promql::read_selector(text)?;
        let series = promql::select(&all, &selector)?;
        found.extend(series.into_iter().map(|series| (series.labels.clone(), series.clone())));
    }
    Ok(found.into_values().collect())
}

fn names(door: &Allowed<SeeHistory>, fields: &Fields) -> Result<Response, Unanswered> {
    let found = selected(door, fields)?;
    let names: BTreeSet<&str> = found.iter().flat_map(|series| series.labels.iter().map(|(name, _)| name)).collect();
    Ok(answer::success(json!(names.into_iter().take(fields.limit()?).collect::<Vec<_>>())))
}

fn of_selectors(door: &Allowed<SeeHistory>, fields: &Fields) -> Result<Response, Unanswered> {
    if fields.many("match[]").is_empty() {
        return Err(PromqlError::BadData("match[]: name at least one selector such as pm2_5".to_owned()).into());
    }
    let found = selected(door, fields)?;
    let labels: Vec<&Labels> = found.iter().take(fields.limit()?).map(|series| &series.labels).collect();
    Ok(answer::success(json!(labels)))
}
