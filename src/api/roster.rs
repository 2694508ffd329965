//! `/roster`: who is on duty when. Escalation asks it for whoever is on duty at the moment of a step.
//!
//! Every change is in the audit, with the shift as it was and as it is. Whoever may read alerts may read who is on duty;
//! a shift of an area is told to those who see the area, one of everywhere to everybody.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, instant, line, wrong};
use super::door::{Allowed, EditRoster, SeeAlerts};
use super::maintenance::record;
use super::problem::{BadBody, Code, Missing, Problem, Refused};
use super::query::{self, Asked, FromParams, Id, NO_PLACE, Nothing, Params, limit};
use super::time::{Shown, When, Zone};
use crate::auth::Act;
use crate::model::{AreaId, PersonId, Timestamp};
use crate::registry::roster::{SHIFTS_MAX, on_duty};
use crate::registry::{NewShift, RegistryError, Shift, ShiftsAsked};

/// Shifts in one answer when `limit` is absent, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 10_000;
/// The longest shift.
const SHIFT_MAX: std::time::Duration = std::time::Duration::from_secs(31 * 86_400);

/// A shift to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftAsked {
    /// Of duty, as the plan of escalation names it (`duty:forest`): 1 to 64 letters, digits, `-`, `_`, `.`.
    #[schema(example = "forest")]
    role: String,
    /// Who, by the person's identifier.
    #[schema(example = "lo-van-a")]
    person: String,
    /// Where, by an area's code, areas inside it included; null: everywhere.
    #[schema(example = "03388")]
    area: Option<String>,
    /// Its first instant, RFC 3339.
    #[schema(example = "2026-11-21T06:00:00+07:00")]
    begins_at: String,
    /// The first instant after it, at most 31 days later.
    #[schema(example = "2026-11-21T14:00:00+07:00")]
    ends_at: String,
    /// For people: at most 200 letters.
    #[serde(default)]
    note: String,
}

/// A shift.
#[derive(Serialize, ToSchema)]
pub struct ShiftDocument {
    /// Its number.
    #[schema(example = "17")]
    id: String,
    /// Of duty.
    role: String,
    /// Who.
    #[schema(value_type = String)]
    person: PersonId,
    /// Where; null: everywhere.
    #[schema(value_type = Option<String>)]
    area: Option<AreaId>,
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    begins_at: Shown,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    ends_at: Shown,
    /// For people.
    note: String,
}

/// A page of shifts.
#[derive(Serialize, ToSchema)]
pub struct ShiftList {
    /// By beginning.
    shifts: Vec<ShiftDocument>,
    /// Pass it as `next` for the following ones; null when there are no more.
    next: Option<String>,
}

/// Who is on duty.
#[derive(Serialize, ToSchema)]
pub struct OnDuty {
    /// The moment of the answer, or the one that was asked about.
    #[schema(value_type = String, format = DateTime)]
    at: Shown,
    /// The shifts of that moment that the caller may be told of, by beginning.
    shifts: Vec<ShiftDocument>,
    /// With `role`: whom an escalation to that duty would reach, for the area asked about.
    #[schema(value_type = Vec<String>)]
    people: Vec<PersonId>,
}

/// What `/roster` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RosterAsked {
    /// Only shifts that end after this: RFC 3339, a date, `-24h`.
    #[param(value_type = Option<String>, example = "2026-11-21")]
    from: Option<When>,
    /// Only shifts that begin before this.
    #[param(value_type = Option<String>, example = "2026-11-28")]
    to: Option<When>,
    /// Only of this role.
    #[param(value_type = Option<String>, example = "forest")]
    role: Option<String>,
    /// Only of this person.
    #[param(value_type = Option<String>)]
    person: Option<String>,
    /// How many at most: 1 to 10,000.
    #[param(value_type = Option<u32>, default = 100, minimum = 1, maximum = 10000)]
    limit: usize,
    /// Where to go on: the `next` of the answer before.
    #[param(value_type = Option<String>)]
    next: Option<(Timestamp, i64)>,
}

impl FromParams for RosterAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        let place = |text: &str| {
            let (at, id) = query::place(text)?;
            Ok((at, id.parse().map_err(|_| NO_PLACE)?))
        };
        Ok(Self {
            from: params.one("from", When::parse)?,
            to: params.one("to", When::parse)?,
            role: params.one("role", |text| Ok(text.to_owned()))?,
            person: params.one("person", |text| Ok(text.to_owned()))?,
            limit: params.one("limit", |text| limit(text, LIMIT_MAX))?.unwrap_or(LIMIT_DEFAULT),
            next: params.one("next", place)?,
        })
    }
}

/// What `/roster/now` takes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NowAsked {
    /// Only of this role.
    #[param(value_type = Option<String>, example = "forest")]
    role: Option<String>,
    /// For something in this area: shifts of it, of those around it, and of everywhere.
    #[param(value_type = Option<String>, example = "03388")]
    area: Option<AreaId>,
    /// At another moment than now.
    #[param(value_type = Option<String>)]
    at: Option<When>,
}

impl FromParams for NowAsked {
    fn from_params(params: &mut Params) -> Result<Self, Problem> {
        Ok(Self {
            role: params.one("role", |text| Ok(text.to_owned()))?,
            area: params.one("area", |text| Ok(AreaId::new(text)))?,
            at: params.one("at", When::parse)?,
        })
    }
}

/// Shifts, by their beginning.
#[utoipa::path(get, path = "/api/v1/roster", operation_id = "listShifts", tag = "alerts", params(RosterAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The shifts", body = ShiftList), Refused))]
pub async fn list(door: Allowed<SeeAlerts>, Asked(asked): Asked<RosterAsked>) -> Result<Json<ShiftList>, Problem> {
    let parts = door.parts().clone();
    let (now, zone) = (parts.clock.now(), Zone::default());
    let settle = |when: &Option<When>| when.as_ref().map(|when| when.settle(now, &zone));
    let asked = ShiftsAsked {
        from: settle(&asked.from),
        to: settle(&asked.to),
        role: asked.role,
        person: asked.person.map(|person| PersonId(person.into())),
        after: asked.next,
        limit: asked.limit,
    };
    let limit = asked.limit;
    let mut found = blocking(move || parts.registry.shifts(&ShiftsAsked { limit: limit + 1, ..asked })).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let place = |last: &Shift| query::place_text(last.shift.begins_at, last.id);
    let next = found.last().filter(|_| more).map(place);
    Ok(Json(ShiftList { shifts: seen(&door, found, &zone), next }))
}

/// Who is on duty now, or at another moment.
#[utoipa::path(get, path = "/api/v1/roster/now", operation_id = "readOnDuty", tag = "alerts", params(NowAsked),
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "Who is on duty", body = OnDuty), Refused))]
pub async fn now(door: Allowed<SeeAlerts>, Asked(asked): Asked<NowAsked>) -> Result<Json<OnDuty>, Problem> {
    let parts = door.parts().clone();
    let zone = Zone::default();
    let at = asked.at.as_ref().map_or(parts.clock.now(), |at| at.settle(parts.clock.now(), &zone));
    if let Some(area) = &asked.area {
        known_area(&door, area)?;
    }
    let NowAsked { role, area, .. } = asked;
    let (shifts, people) = blocking(move || {
        // A shift that has this very instant in it ends after it and begins before the next.
        let next = at + std::time::Duration::from_micros(1);
        let limit = LIMIT_MAX;
        let of = ShiftsAsked { from: Some(at), to: Some(next), role: role.clone(), limit, ..ShiftsAsked::default() };
        let shifts = parts.registry.shifts(&of)?;
        let people = match &role {
            Some(role) => on_duty(&parts.registry.database().lock(), role, area.as_ref(), at)?,
            None => Vec::new(),
        };
        Ok((shifts, people))
    })
    .await?;
    let shifts = seen(&door, shifts, &zone);
    let may_know = |person: &PersonId| shifts.iter().any(|shift| shift.person == *person);
    let people = people.into_iter().filter(may_know).collect();
    Ok(Json(OnDuty { at: zone.show(at), shifts, people }))
}

/// Adds a shift. Shifts may overlap.
#[utoipa::path(post, path = "/api/v1/roster", operation_id = "addShift", tag = "alerts", request_body = ShiftAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 201, description = "The shift", body = ShiftDocument), Refused, BadBody,
        (status = 409, description = "There are too many", body = super::problem::ProblemDocument,
            content_type = "application/problem+json")))]
pub async fn add(
    door: Allowed<EditRoster>,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<ShiftAsked>,
) -> Result<Response, Problem> {
    let new = checked(&door, &asked)?;
    let (parts, told) = (door.parts().clone(), told(&new));
    let added = blocking(move || parts.registry.add_shift(new)).await?;
    let full = || Problem::new(Code::Conflict, format!("there are {SHIFTS_MAX} shifts: remove old ones first"));
    let added = added.ok_or_else(full)?;
    record(&door, Act::RosterChanged, format!("shift {}", added.id), format!("added: {told}")).await?;
    Ok((StatusCode::CREATED, Json(document(added, &Zone::default()))).into_response())
}

/// Changes a shift whole.
#[utoipa::path(put, path = "/api/v1/roster/{id}", operation_id = "changeShift", tag = "alerts",
    params(("id" = String, Path, description = "The shift's number", example = "17")), request_body = ShiftAsked,
    security(("token" = []), ("session" = [])),
    responses((status = 200, description = "The shift", body = ShiftDocument), Refused, Missing, BadBody))]
pub async fn change(
    door: Allowed<EditRoster>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
    Body(asked): Body<ShiftAsked>,
) -> Result<Json<ShiftDocument>, Problem> {
    let missing = || Problem::not_found("shift", &id);
    let number: i64 = id.parse().map_err(|_| missing())?;
    let new = checked(&door, &asked)?;
    let (parts, shift) = (door.parts().clone(), new.clone());
    let before = blocking(move || parts.registry.change_shift(number, &shift)).await?.ok_or_else(missing)?;
    let detail = format!("from {} to {}", told(&before.shift), told(&new));
    record(&door, Act::RosterChanged, format!("shift {number}"), detail).await?;
    Ok(Json(document(Shift { id: number, shift: new }, &Zone::default())))
}

/// Removes a shift; the audit has it as it was.
#[utoipa::path(delete, path = "/api/v1/roster/{id}", operation_id = "removeShift", tag = "alerts",
    params(("id" = String, Path, description = "The shift's number", example = "17")),
    security(("token" = []), ("session" = [])),
    responses((status = 204, description = "It is gone"), Refused, Missing))]
pub async fn remove(
    door: Allowed<EditRoster>,
    Id(id): Id,
    Asked(Nothing): Asked<Nothing>,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found("shift", &id);
    let number: i64 = id.parse().map_err(|_| missing())?;
    let parts = door.parts().clone();
    let before = blocking(move || parts.registry.remove_shift(number)).await?.ok_or_else(missing)?;
    let detail = format!("removed: {}", told(&before.shift));
    record(&door, Act::RosterChanged, format!("shift {number}"), detail).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(Problem::internal)
}

fn checked<N>(door: &Allowed<N>, asked: &ShiftAsked) -> Result<NewShift, Problem> {
    let name = |key: &str, text: &str| {
        let text = line(key, text, 1, 64)?;
        let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@');
        let why = || wrong(format!("{key}: {text:?} has other letters than letters, digits, -, _, . and @"));
        if text.chars().all(is_plain) { Ok(text) } else { Err(why()) }
    };
    let area = asked.area.as_deref().map(AreaId::new);
    if let Some(area) = &area {
        known_area(door, area)?;
    }
    let (begins_at, ends_at) = (instant("begins_at", &asked.begins_at)?, instant("ends_at", &asked.ends_at)?);
    if ends_at <= begins_at || ends_at.since(begins_at) > SHIFT_MAX {
        return Err(wrong("ends_at: must be after begins_at, by 31 days at most"));
    }
    Ok(NewShift {
        role: name("role", &asked.role)?,
        person: PersonId(name("person", &asked.person)?.into()),
        area,
        begins_at,
        ends_at,
        note: line("note", &asked.note, 0, 200)?,
    })
}

fn known_area<N>(door: &Allowed<N>, area: &AreaId) -> Result<(), Problem> {
    let is_known = door.parts().state.read().catalogue.area(area).is_some();
    if is_known { Ok(()) } else { Err(wrong(format!("area: there is no area {:?}", area.as_str()))) }
}

/// Those that the caller may be told of.
fn seen<N>(door: &Allowed<N>, shifts: Vec<Shift>, zone: &Zone) -> Vec<ShiftDocument> {
    let sight = door.sight(&door.parts().state.read().catalogue);
    let seen =
        shifts.into_iter().filter(|shift| shift.shift.area.is_none() || sight.reaches(shift.shift.area.as_ref()));
    seen.map(|shift| document(shift, zone)).collect()
}

fn document(Shift { id, shift }: Shift, zone: &Zone) -> ShiftDocument {
    ShiftDocument {
        id: id.to_string(),
        role: shift.role,
        person: shift.person,
        area: shift.area,
        begins_at: zone.show(shift.begins_at),
        ends_at: zone.show(shift.ends_at),
        note: shift.note,
    }
}

/// A shift for the audit.
fn told(shift: &NewShift) -> String {
    let NewShift { role, person, area, begins_at, ends_at, note } = shift;
    let area = area.as_ref().map_or("everywhere", AreaId::as_str);
    format!("{person} on duty {role} in {area} from {begins_at} to {ends_at} {note}")
}
