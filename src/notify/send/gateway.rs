//! Gateways over HTTP: SMS, and services like Telegram, by a template of the request.

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use sha2::{Digest as _, Sha256};

use super::{Outcome, SetupError, Worded, outcome, secret};
use crate::model::Severity;
use crate::notify::config::{ContentType, Form, Gateway, Method};
use crate::notify::guard::Guard;
use crate::notify::mistakes;
use crate::notify::outbox::Errand;
use crate::notify::template::{Escape, Slot, Template};

/// How long a gateway's text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// One SMS.
    Sms,
    /// So many letters.
    Letters(usize),
    None,
}

/// One gateway.
pub(super) struct Target {
    pub(super) name: String,
    limit: Limit,
    method: Method,
    url: Template,
    body: Template,
    headers: Vec<(HeaderName, Template)>,
    content_type: ContentType,
    secret: String,
    report_secret: Option<[u8; 32]>,
    client: reqwest::Client,
}

impl Target {
    pub(super) fn new(gateway: &Gateway, client: reqwest::Client) -> Result<Target, SetupError> {
        let wrong = |message: String| SetupError::Config { key: format!("gateway {}", gateway.name), message };
        let template = |text: &str| Template::parse(text).map_err(|why| wrong(why.to_string()));
        let headers = gateway.headers.iter().map(|line| mistakes::header(line)).collect::<Result<_, _>>();
        let report_secret = gateway.report_file.as_ref().map(|path| secret(path)).transpose()?;
        Ok(Target {
            name: gateway.name.clone(),
            limit: match (gateway.form, gateway.text_letters_max) {
                (Form::Sms, _) => Limit::Sms,
                (Form::Text, Some(letters)) => Limit::Letters(letters as usize),
                (Form::Text, None) => Limit::None,
            },
            method: gateway.method,
            url: template(&gateway.url)?,
            body: template(&gateway.body)?,
            headers: headers.map_err(wrong)?,
            content_type: gateway.content_type,
            secret: gateway.secret_file.as_ref().map(|path| secret(path)).transpose()?.unwrap_or_default(),
            report_secret: report_secret.map(|secret| Sha256::digest(secret.as_bytes()).into()),
            client,
        })
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit
    }

    /// Compared by hashes: how long it takes says nothing about the secret.
    pub(super) fn is_report_secret(&self, secret: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        self.report_secret == Some(given)
    }

    pub(super) async fn send(&self, guard: &Guard, errand: &Errand, worded: &Worded, address: &str) -> Outcome {
        let worst = errand.members.iter().map(|(_, member)| member.facts.severity).max();
        let value = |slot| match slot {
            Slot::Address => address.to_owned(),
            Slot::Text => worded.short.as_ref().unwrap_or(&worded.text).clone(),
            Slot::Subject => worded.subject.clone(),
            Slot::Key => errand.key.clone(),
            Slot::Severity => worst.unwrap_or(Severity::Low).word().to_owned(),
            Slot::Token => worded.token.clone(),
            Slot::Secret => self.secret.clone(),
        };
        let Ok(url) = Url::parse(&self.url.fill(Escape::Percent, value)) else {
            return Outcome::refused("the request cannot be made");
        };
        if let Err(why) = guard.check_url(&url) {
            return Outcome::refused(why.to_string());
        }
        let (media_type, escape) = match self.content_type {
            ContentType::Json => ("application/json", Escape::Json),
            ContentType::Form => ("application/x-www-form-urlencoded", Escape::Percent),
            ContentType::Xml => ("application/xml", Escape::Xml),
            ContentType::Plain => ("text/plain; charset=utf-8", Escape::Lines),
        };
        let mut request = match self.method {
            Method::Get => self.client.get(url),
            Method::Post => self.client.post(url).header(CONTENT_TYPE, media_type).body(self.body.fill(escape, value)),
        };
        for (name, template) in &self.headers {
            request = request.header(name, template.fill(Escape::Header, value));
        }
        outcome(request.header("idempotency-key", &errand.key)).await
    }
}
