//! `POST /field/reports`: what people in the field said, perhaps days ago and perhaps sent before.
//!
//! Reports are applied one after the other in the order of the list, each as a word about its alert: journaled, audited
//! with both times. Each has its own result, so that one that cannot be holds nothing up. Before a report is journaled it
//! stands in the book with its photo, afterwards with its answer; a repeat of one that was cut off between is the same
//! word to the journal (its key goes there too) and is brought to its end. It goes on when the phone hangs up.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::blocking;
pub use super::report::ReportAsked;
use super::report::{Report, Since, address};
use crate::alerts::workflow::{Outcome, Refusal, Remembered};
use crate::api::body::{PatientBody, wrong};
use crate::api::door::{Allowed, AnswerAlerts};
use crate::api::problem::{BadBody, Code, Problem, Refused};
use crate::api::query::{Asked, Nothing};
use crate::api::sight::Sight;
use crate::api::time::Zone;
use crate::api::{Parts, workflow};
use crate::auth::{Caller, Permission, may};
use crate::field::{self, book::Applied};
use crate::model::{AlertCommand, AlertId, AreaId, CommandKey, Order};

/// Reports in one request.
const REPORTS_MAX: usize = 50;

/// Reports in the order in which they were made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportsAsked {
    /// The account that made them: refused with 409 when another has signed in on the phone since. Absent: the caller.
    #[schema(example = "lan")]
    account: Option<String>,
    /// 1 to 50. One that cannot be read is refused, the others are applied.
    #[schema(value_type = Vec<ReportAsked>)]
    reports: Vec<serde_json::Value>,
}

/// What became of the reports.
#[derive(Serialize, ToSchema)]
pub struct ReportsAnswer {
    /// One for each, in the same order.
    results: Vec<ReportResult>,
}

/// What became of a report.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ReportResult {
    /// The report's; null when it had none that can be read.
    key: Option<String>,
    /// `applied`: it is on disk and done. `repeated`: it came before, and the rest is what was answered then. `refused`:
    /// it cannot be, now or later; `code` and `reason` say why. `postponed`: it cannot be written down now; send it
    /// again, with all that follow it.
    #[schema(example = "applied")]
    result: String,
    /// Of a repeat: what became of the first, applied or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    /// What it did to its alert: acknowledged, commented, closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "acknowledged")]
    did: Option<String>,
    /// When it was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The alert's version after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The journal's number of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "48211")]
    number: Option<String>,
    /// Where its photo can be read by whoever may see the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/v1/field/photos/5f0c9c3e-6f0e-4b57-9d0a-0f6f1f7a1f10")]
    photo: Option<String>,
    /// Why not, for programs: a code of `GET /problems`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "not_found")]
    code: Option<String>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Takes in what a phone has queued: applied in order, each once, however often it is sent.
///
/// A body may take 3 minutes to arrive and hold `http.body_bytes_max` bytes (1 MiB): one photo, or some small ones. What
/// was `refused` need not be sent again.
#[utoipa::path(post, path = "/api/v1/field/reports", operation_id = "reportFromField", tag = "field",
    request_body = ReportsAsked, security(("token" = []), ("session" = [])),
    responses((status = 200, description = "What became of each; what is applied is on disk", body = ReportsAnswer),
        Refused, BadBody,
        (status = 409, description = "They are another account's", body = crate::api::problem::ProblemDocument,
            content_type = "application/problem+json"),
        (status = 503, description = "The journal does not write, and nothing was applied: send the same again",
            body = crate::api::problem::ProblemDocument, content_type = "application/problem+json")))]
pub async fn report(
    door: Allowed<AnswerAlerts>,
    Asked(Nothing): Asked<Nothing>,
    PatientBody(asked): PatientBody<ReportsAsked>,
) -> Result<Json<ReportsAnswer>, Problem> {
    if !(1..=REPORTS_MAX).contains(&asked.reports.len()) {
        return Err(wrong(format!("reports: must be 1 to {REPORTS_MAX}")));
    }
    let desk = Desk { parts: door.parts().clone(), caller: door.caller().clone(), origin: door.address() };
    if asked.account.as_ref().is_some_and(|account| *account != door.caller().name) {
        return Err(Problem::new(Code::Conflict, "account: the reports are another account's than the caller's"));
    }
    // Whoever hangs up finds it done when they come again.
    let task = tokio::spawn(async move { desk.take_all(asked.reports).await });
    let results = task.await.map_err(Problem::internal)??;
    Ok(Json(ReportsAnswer { results }))
}

/// Takes reports of one caller.
struct Desk {
    parts: Arc<Parts>,
    caller: Caller,
    origin: IpAddr,
}

impl Desk {
    async fn take_all(&self, reports: Vec<serde_json::Value>) -> Result<Vec<ReportResult>, Problem> {
        let mut results: Vec<ReportResult> = Vec::with_capacity(reports.len());
        let mut stopped: Option<Problem> = None;
        for asked in reports {
            let key = asked.get("key").and_then(serde_json::Value::as_str).and_then(|key| super::report::key(key).ok());
            if let Some(why) = &stopped {
                results.push(told("postponed", key, why));
                continue;
            }
            match self.take(asked, key.clone()).await {
                Ok(result) => results.push(result),
                // What is Saola's own fault passes: it ends no report, and what follows waits for it.
                Err(why) if why.code().status().is_server_error() => {
                    results.push(told("postponed", key, &why));
                    stopped = Some(why);
                }
                Err(why) => results.push(told("refused", key, &why)),
            }
        }
        match stopped {
            Some(why) if results.iter().all(|result| result.result == "postponed") => Err(why),
            _ => Ok(results),
        }
    }

    /// Brings one report to its end; an error is its refusal, unless it is the server's.
    async fn take(&self, asked: serde_json::Value, key: Option<String>) -> Result<ReportResult, Problem> {
        let asked: ReportAsked = serde_json::from_value(asked).map_err(|error| wrong(error.to_string()))?;
        let mut report = Report::read(asked)?;
        debug_assert_eq!(Some(&report.key), key.as_ref());
        let area = self.look(&report);
        // What is answered already is answered alike when the alert is gone meanwhile.
        if let Some(result) = self.known(&report).await? {
            return Ok(result);
        }
        let area = area.ok_or_else(|| Problem::not_found("alert", &report.alert))?;
        if let Some((_, bytes)) = &report.photo {
            let (parts, bytes) = (Arc::clone(&self.parts), bytes.len());
            if !blocking(move || parts.field.has_room(bytes)).await? {
                return Err(Problem::new(Code::BodyTooLarge, "there is no room for more photos: send it without"));
            }
        }
        let (order, late) = self.orders(&report);
        let address = report.photo.is_some().then(|| address(&report.key));
        self.begin(&mut report, area).await?;
        self.say(report, order, late, address).await
    }

    /// The area of the report's alert; `None` when there is none that the caller may see.
    fn look(&self, report: &Report) -> Option<Option<AreaId>> {
        let state = self.parts.state.read();
        let sight = Sight::of(&self.caller.scope, &state.catalogue);
        let alert = state.alerts.get(&AlertId(report.alert.as_str().into()));
        let area = alert.map(|alert| alert.subject.area().cloned());
        area.filter(|area| sight.reaches(area.as_ref()))
    }

    /// What is to be done to the alert as it stands, and what is said when it ends before that.
    fn orders(&self, report: &Report) -> (Order, Order) {
        let may_close = may(&self.caller, Permission::SettleAlerts);
        let state = self.parts.state.read();
        let id = AlertId(report.alert.as_str().into());
        let since = state
            .alerts
            .get(&id)
            .and_then(|alert| report.since(alert, state.workflow.handling(&id), &self.caller.name, may_close));
        (report.order(may_close, since), report.order(may_close, Some(Since::Over)))
    }

    /// What a report was answered that came before; `None` when none did, or it was cut off.
    async fn known(&self, report: &Report) -> Result<Option<ReportResult>, Problem> {
        let (parts, key) = (Arc::clone(&self.parts), report.key.clone());
        let Some(kept) = blocking(move || parts.field.find(&key)).await? else { return Ok(None) };
        if kept.author != self.caller.name || kept.request != report.request {
            return Err(Problem::new(Code::KeyReused, "key: it stood for another report before"));
        }
        let Some(answer) = kept.answer else { return Ok(None) };
        let mut result: ReportResult = serde_json::from_str(&answer).map_err(Problem::internal)?;
        result.first = Some(std::mem::replace(&mut result.result, "repeated".to_owned()));
        Ok(Some(result))
    }

    /// Puts a report with its photo into the book.
    async fn begin(&self, report: &mut Report, area: Option<AreaId>) -> Result<(), Problem> {
        let kept = field::Report {
            key: report.key.clone(),
            author: self.caller.name.clone(),
            request: report.request,
            alert: AlertId(report.alert.as_str().into()),
            area,
            action: report.action,
            said_at: report.said_at,
            received_at: self.parts.clock.now(),
            photo: report.photo.take(),
        };
        let parts = Arc::clone(&self.parts);
        blocking(move || parts.field.begin(&kept)).await
    }

    /// Journals the word and notes the answer.
    async fn say(
        &self,
        report: Report,
        order: Order,
        late: Order,
        photo: Option<String>,
    ) -> Result<ReportResult, Problem> {
        let mut request = [0; 16];
        request.copy_from_slice(&report.request[..16]);
        let mut command = AlertCommand {
            alert: AlertId(report.alert.as_str().into()),
            author: self.caller.name.clone(),
            order,
            said_at: Some(report.said_at),
            versions: None,
            key: Some(CommandKey { text: format!("field:{}", report.key), request }),
            origin: Some(self.origin),
        };
        let mut outcome = workflow::take(&self.parts, &command).await?;
        if outcome.outcome == Outcome::Refused(Refusal::Over) {
            // It ended just then: the words and the photo are kept all the same.
            command.order = late;
            command.key = Some(CommandKey { text: format!("field:{}:late", report.key), request });
            outcome = workflow::take(&self.parts, &command).await?;
        }
        let (result, applied) = self.answer(&report, &command, &outcome, photo);
        let answer = serde_json::to_string(&result).map_err(Problem::internal)?;
        let parts = Arc::clone(&self.parts);
        blocking(move || parts.field.finish(&report.key, &answer, applied)).await?;
        Ok(result)
    }

    fn answer(
        &self,
        report: &Report,
        command: &AlertCommand,
        outcome: &Remembered,
        photo: Option<String>,
    ) -> (ReportResult, Applied) {
        let version = match outcome.outcome {
            Outcome::Done(version) | Outcome::Already(version) => version,
            Outcome::Refused(refusal) => {
                let why = workflow::refused(&self.parts.state.read(), command, refusal);
                return (told("refused", Some(report.key.clone()), &why), Applied::No);
            }
        };
        // Of a word that was journaled before, what it did then.
        let state = self.parts.state.read();
        let deeds = state.workflow.handling(&command.alert).map_or(&[][..], |handling| &handling.deeds);
        let deed = deeds.iter().rev().find(|deed| deed.seq == outcome.seq);
        let result = ReportResult {
            key: Some(report.key.clone()),
            result: "applied".to_owned(),
            did: Some(deed.map_or(workflow::did(&command.order), |deed| deed.did.word()).to_owned()),
            at: Some(Zone::default().show(outcome.at).to_string()),
            version: Some(version),
            number: Some(outcome.seq.to_string()),
            photo,
            ..ReportResult::default()
        };
        (result, Applied::Yes)
    }
}

/// A report that was not applied.
fn told(result: &str, key: Option<String>, why: &Problem) -> ReportResult {
    ReportResult {
        key,
        result: result.to_owned(),
        code: Some(why.code().word().to_owned()),
        reason: Some(why.detail().to_owned()),
        ..ReportResult::default()
    }
}
