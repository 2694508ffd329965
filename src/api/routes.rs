//! The routes, their order of layers, and their description.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Extension};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::door::House;
use super::problem::{Code, Problem};
use super::service::Description;
use super::{
    Parts, administration, alerts, areas, audit, cap, commands, corrections, coverage, dead_letters, definition,
    deliveries, devices, features, field, headers, history, incidents, indices, intake, layers, ledger, maintenance,
    ogc, open_data, overview, pages, people, problem, prometheus, push, retired, roster, rules, service, session, sta,
    stations, stream, tiles, trial, unknown_devices, workflow,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Saola",
        description = "Sensors on roads, in the air, on rivers and in forests: live map, alerts, history. Errors are \
            problem documents (RFC 9457) with a stable `code`. Times are RFC 3339; values are in the unit (UCUM) that \
            stands beside them, as they were stored. A caller is told only of its areas."
    ),
    tags(
        (name = "map", description = "Stations, layers and what changes"),
        (name = "registry", description = "What stands where, who changed it, and devices that nobody knows"),
        (name = "alerts", description = "What somebody may have to act upon"),
        (name = "notifications", description = "Who is told of alerts, and what became of it"),
        (name = "field", description = "Alerts on phones in the forest, and what is reported from there"),
        (name = "history", description = "What was observed"),
        (name = "intake", description = "What came in and what became of it"),
        (name = "standards", description = "The same for other people's programs, as open standards have it"),
        (name = "session", description = "Who asks"),
        (name = "service", description = "How the service is"),
    ),
    components(schemas(
        problem::ProblemDocument, features::AlertDocument, features::StationFeature, stream::Heartbeat, stream::Resync,
        incidents::IncidentSummary, field::reports::ReportAsked
    )),
    modifiers(&Schemes)
)]
struct Described;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("saola token issue")).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let token =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("a source's own: saola token source"));
        components.add_security_scheme("source", SecurityScheme::Http(token.build()));
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let token = token.description(Some("came with the message, or is the gateway's own"));
        components.add_security_scheme("delivery", SecurityScheme::Http(token.build()));
        let cookie = ApiKeyValue::with_description(super::door::SESSION_COOKIE, "set by POST /api/v1/session");
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

fn described() -> OpenApiRouter<House> {
    OpenApiRouter::with_openapi(Described::openapi())
        .merge(registry())
        .merge(maps())
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::one))
        .routes(routes!(workflow::acknowledge))
        .routes(routes!(workflow::unacknowledge))
        .routes(routes!(workflow::assign))
        .routes(routes!(workflow::comment))
        .routes(routes!(workflow::shelve))
        .routes(routes!(workflow::unshelve))
        .routes(routes!(workflow::close))
        .routes(routes!(roster::list, roster::add))
        .routes(routes!(roster::now))
        .routes(routes!(roster::change, roster::remove))
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::one, rules::put, rules::remove))
        .routes(routes!(rules::versions))
        .routes(routes!(rules::enable))
        .routes(routes!(rules::disable))
        .routes(routes!(rules::restore))
        .routes(routes!(trial::test))
        .routes(routes!(trial::backtest))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::one))
        .merge(of_areas_and_the_past())
        .routes(routes!(ledger::read))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::one))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(intake::push))
        .routes(routes!(dead_letters::replay_many))
        .routes(routes!(devices::list, devices::issue))
        .routes(routes!(devices::revoke))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::one, people::put, people::remove))
        .routes(routes!(push::key))
        .routes(routes!(push::subscribe))
        .routes(routes!(push::unsubscribe))
        .routes(routes!(field::sync::sync))
        .routes(routes!(field::reports::report))
        .routes(routes!(field::photos::one))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::report))
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(session::me))
        .routes(routes!(service::alive))
        .routes(routes!(service::ready))
        .routes(routes!(service::metrics))
        .routes(routes!(service::openapi))
        .routes(routes!(problem::list))
        .merge(for_other_systems())
        .merge(standards())
}

/// Stations, what is declared and known of them, and who did what.
fn registry() -> OpenApiRouter<House> {
    OpenApiRouter::new()
        .routes(routes!(stations::list, administration::create))
        .routes(routes!(stations::one, administration::put, administration::patch, administration::retire))
        .routes(routes!(definition::one))
        .routes(routes!(definition::positions))
        .routes(routes!(administration::put_position))
        .routes(routes!(administration::put_channel, administration::retire_channel))
        .routes(routes!(definition::changes))
        .routes(routes!(administration::undo))
        .routes(routes!(retired::list))
        .routes(routes!(audit::list))
        .routes(routes!(unknown_devices::list))
        .routes(routes!(unknown_devices::one))
        .routes(routes!(unknown_devices::adopt))
        .routes(routes!(commands::send))
        .routes(routes!(maintenance::list, maintenance::plan))
        .routes(routes!(maintenance::withdraw))
        .routes(routes!(corrections::list, corrections::correct))
}

/// What is spoken in the languages of others.
fn for_other_systems() -> OpenApiRouter<House> {
    OpenApiRouter::new()
        .routes(routes!(cap::feed))
        .routes(routes!(cap::one))
        .routes(routes!(prometheus::query, prometheus::query_by_form))
        .routes(routes!(prometheus::query_range, prometheus::query_range_by_form))
        .routes(routes!(prometheus::labels, prometheus::labels_by_form))
        .routes(routes!(prometheus::label_values))
        .routes(routes!(prometheus::series_list, prometheus::series_by_form))
        .routes(routes!(prometheus::metadata))
        .routes(routes!(prometheus::build_information))
}

/// What open standards offer to other people's programs.
fn standards() -> OpenApiRouter<House> {
    OpenApiRouter::new()
        .routes(routes!(open_data::catalog))
        .routes(routes!(open_data::one))
        .routes(routes!(ogc::landing))
        .routes(routes!(ogc::conformance))
        .routes(routes!(ogc::api))
        .routes(routes!(ogc::collections))
        .routes(routes!(ogc::collection))
        .routes(routes!(ogc::items::items))
        .routes(routes!(ogc::items::item))
        .routes(routes!(sta::landing))
        .routes(routes!(sta::landing_below))
        .routes(routes!(sta::read))
}

/// What maps are drawn from.
fn maps() -> OpenApiRouter<House> {
    OpenApiRouter::new()
        .routes(routes!(layers::list))
        .routes(routes!(layers::one))
        .routes(routes!(overview::read))
        .routes(routes!(tiles::about))
        .routes(routes!(tiles::one))
        .routes(routes!(stream::read))
}

fn of_areas_and_the_past() -> OpenApiRouter<House> {
    OpenApiRouter::new()
        .routes(routes!(history::read))
        .routes(routes!(history::areas::read))
        .routes(routes!(areas::list))
        .routes(routes!(coverage::read))
        .routes(routes!(coverage::history))
        .routes(routes!(coverage::holes))
        .routes(routes!(coverage::footprints::read))
        .routes(routes!(indices::list))
        .routes(routes!(indices::one))
}

/// The API's description, in OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

/// The same as text: what `/openapi.json` and `saola openapi` give, and what is committed.
pub fn openapi_json() -> String {
    as_json(&openapi())
}

fn as_json(openapi: &utoipa::openapi::OpenApi) -> String {
    // It holds nothing but texts, numbers and lists: writing it cannot fail.
    openapi.to_pretty_json().unwrap_or_default() + "\n"
}

/// Everything, ready to be served.
pub fn router(parts: Arc<Parts>) -> Router {
    let (routes, openapi) = described().split_for_parts();
    let description = as_json(&openapi);
    let compressed = DefaultPredicate::new()
        .and(NotForContentType::const_new("font/"))
        .and(NotForContentType::const_new("application/vnd.apache.parquet"));
    routes
        .fallback(pages::serve)
        .method_not_allowed_fallback(wrong_method)
        .with_state(House::new(parts))
        .layer(Extension(Description(description.into())))
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(headers::dress))
        .layer(axum::middleware::from_fn(problem::number_requests))
        .layer(CompressionLayer::new().gzip(true).compress_when(compressed))
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    Problem::new(Code::MethodNotAllowed, format!("{} does not take {method}", uri.path())).into_response()
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_default();
    Problem::internal(format!("a handler panicked: {text}")).into_response()
}
