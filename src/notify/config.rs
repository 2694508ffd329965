//! The configuration's section `[notify]`: how messages are paced, by which gateways people are reached, and which
//! machines are told.
//!
//! People, their addresses and their wishes are not here: they are personal data and live in the database.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::mistakes;
use crate::document::word;
use crate::model::{AreaId, Severity, Span, StationKind};

/// How alerts get out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Messages that one address gets one by one within a minute; what goes beyond waits and becomes a digest.
    pub one_by_one_max: u32,
    /// How long after its last message an address gets the next digest, at the earliest.
    pub digest_every: Span,
    /// Members of one digest, at most; the rest goes into the next one.
    pub digest_members_max: u32,
    /// How long after a first failure the same message is tried again; doubles with every further one.
    pub backoff_min: Span,
    /// The longest time between two tries.
    pub backoff_max: Span,
    /// How long a message is tried; then it has failed, and whoever is on duty hears of it.
    pub give_up_after: Span,
    /// How long one try may take.
    pub try_timeout: Span,
    /// Tries at the same time. Addresses whose last try failed use at most half of them.
    pub tries_at_once: u32,
    /// How long a finished delivery is kept for the record.
    pub keep: Span,
    /// Networks inside which requests may go although they are private: `10.20.0.0/16`, `127.0.0.1/32`, `fd00::/8`.
    pub private_networks: Vec<String>,
    /// The time zone of times in texts.
    pub zone: String,
    /// Where people open the pages, without a slash at the end; empty: texts carry no address.
    pub public_url: String,
    /// E-mail.
    pub mail: Option<Mail>,
    /// Web Push.
    pub push: Option<Push>,
    /// Gateways over HTTP: SMS, and services like Telegram.
    #[serde(rename = "gateway")]
    pub gateways: Vec<Gateway>,
    /// Machines that are told by signed requests.
    #[serde(rename = "webhook")]
    pub webhooks: Vec<Webhook>,
    /// Topics of the embedded edge on which every notification is published.
    #[serde(rename = "topic")]
    pub topics: Vec<Topic>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            one_by_one_max: 10,
            digest_every: Span::from_seconds(10),
            digest_members_max: 20_000,
            backoff_min: Span::from_seconds(1),
            backoff_max: Span::from_minutes(5),
            give_up_after: Span::from_days(1),
            try_timeout: Span::from_seconds(10),
            tries_at_once: 64,
            keep: Span::from_days(90),
            private_networks: Vec::new(),
            zone: "Asia/Ho_Chi_Minh".to_owned(),
            public_url: String::new(),
            mail: None,
            push: None,
            gateways: Vec::new(),
            webhooks: Vec::new(),
            topics: Vec::new(),
        }
    }
}

impl Config {
    /// Every mistake that only shows when values are understood, as key (inside the section) and sentence.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        mistakes::of(self)
    }

    /// Every file that it names: its key inside the section, and whether it holds a secret.
    pub fn files(&mut self) -> Vec<(String, &mut PathBuf, Holds)> {
        let mut found = Vec::new();
        if let Some(mail) = &mut self.mail {
            found
                .extend(mail.password_file.as_mut().map(|path| ("mail.password_file".to_owned(), path, Holds::Secret)));
            found.extend(mail.ca_file.as_mut().map(|path| ("mail.ca_file".to_owned(), path, Holds::Certificates)));
        }
        for (place, gateway) in self.gateways.iter_mut().enumerate() {
            let key = |name: &str| format!("gateway[{place}].{name}");
            found.extend(gateway.secret_file.as_mut().map(|path| (key("secret_file"), path, Holds::Secret)));
            found.extend(gateway.report_file.as_mut().map(|path| (key("report_file"), path, Holds::Secret)));
            found.extend(gateway.ca_file.as_mut().map(|path| (key("ca_file"), path, Holds::Certificates)));
        }
        for (place, webhook) in self.webhooks.iter_mut().enumerate() {
            let key = |name: &str| format!("webhook[{place}].{name}");
            found.extend(webhook.secret_file.as_mut().map(|path| (key("secret_file"), path, Holds::Secret)));
            found.extend(webhook.ca_file.as_mut().map(|path| (key("ca_file"), path, Holds::Certificates)));
        }
        found
    }
}

/// What a named file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Authorities' certificates in PEM.
    Certificates,
    /// A secret on its first line.
    Secret,
}

/// A mail server that takes our messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept private.
    #[serde(deserialize_with = "word")]
    pub security: Security,
    /// Whom messages are from: `Saola <saola@example.vn>`.
    pub from: String,
    /// The account there; empty: without signing in.
    pub username: String,
    /// File with the account's password on its first line.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authorities that sign the server's certificate; absent: the public ones.
    pub ca_file: Option<PathBuf>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 587,
            security: Security::Starttls,
            from: String::new(),
            username: String::new(),
            password_file: None,
            ca_file: None,
        }
    }
}

/// How a connection to a mail server is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte.
    Tls,
    /// TLS after STARTTLS; a server that does not offer it gets nothing.
    Starttls,
    /// None: for a relay on this machine or network.
    None,
}

/// Web Push to browsers that have subscribed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// Whom a push service may write to about us: `mailto:…` or `https:…`.
    pub contact: String,
}

/// What a gateway's text may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One SMS: 160 letters of GSM 03.38, without accents.
    Sms,
    /// Some lines with accents.
    #[default]
    Text,
}

/// A request that carries one message to one person. `{address}`, `{text}`, `{subject}`, `{key}`, `{severity}`,
/// `{token}` and `{secret}` in `url`, `headers` and `body` are replaced, escaped as the place demands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// The channel's name in people's contacts: `sms`, `telegram`.
    pub name: String,
    /// What its text may be.
    #[serde(deserialize_with = "word")]
    pub form: Form,
    /// Letters that a text may have, 100 to 100,000: whole lines are kept, and a sign that something is left out. Absent:
    /// no limit. An SMS has its own.
    pub text_letters_max: Option<u32>,
    /// Where the request goes.
    pub url: String,
    /// GET or POST.
    #[serde(deserialize_with = "word")]
    pub method: Method,
    /// What the body is; decides how it is escaped.
    #[serde(deserialize_with = "word")]
    pub content_type: ContentType,
    /// The body; empty for none.
    pub body: String,
    /// Further headers, `Name: value`.
    pub headers: Vec<String>,
    /// File with the secret that `{secret}` stands for, on its first line.
    pub secret_file: Option<PathBuf>,
    /// File with the secret by which the gateway reports what became of messages; absent: it cannot.
    pub report_file: Option<PathBuf>,
    /// PEM file of the authorities that sign the server's certificate; absent: the machine's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            name: String::new(),
            form: Form::Text,
            text_letters_max: None,
            url: String::new(),
            method: Method::Post,
            content_type: ContentType::Json,
            body: String::new(),
            headers: Vec::new(),
            secret_file: None,
            report_file: None,
            ca_file: None,
        }
    }
}

/// How a gateway is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Everything is in the address.
    Get,
    /// With a body.
    Post,
}

/// What a gateway's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentType {
    /// `application/json`: what is put in is escaped for inside quotes.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/xml`.
    Xml,
    /// `text/plain`.
    Plain,
}

/// Which alerts a machine is told of; every list that is empty stands for all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Codes of areas; what lies inside them counts.
    pub areas: Vec<AreaId>,
    /// Kinds of stations.
    pub kinds: Vec<StationKind>,
    /// Properties or hazards: `pm2_5`, `rain`.
    pub causes: Vec<String>,
    /// Nothing below it.
    pub least_severity: Option<Severity>,
}

/// A machine that is told by signed requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhook {
    /// Its name in deliveries.
    pub name: String,
    /// Where the requests go.
    pub url: String,
    /// File with the secret that requests are signed with, on its first line.
    pub secret_file: Option<PathBuf>,
    /// PEM file of the authorities that sign the server's certificate; absent: the machine's.
    pub ca_file: Option<PathBuf>,
    /// Codes of areas.
    pub areas: Vec<AreaId>,
    /// Kinds of stations.
    pub kinds: Vec<StationKind>,
    /// Properties or hazards.
    pub causes: Vec<String>,
    /// Nothing below it.
    #[serde(deserialize_with = "optional_word")]
    pub least_severity: Option<Severity>,
}

impl Webhook {
    /// What it wants.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            areas: self.areas.clone(),
            kinds: self.kinds.clone(),
            causes: self.causes.clone(),
            least_severity: self.least_severity,
        }
    }
}

/// A topic of the embedded edge.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Topic {
    /// Its name in deliveries.
    pub name: String,
    /// The topic; `{area}` and `{severity}` are replaced. Under the edge's `alert_topics`.
    pub topic: String,
    /// Codes of areas.
    pub areas: Vec<AreaId>,
    /// Kinds of stations.
    pub kinds: Vec<StationKind>,
    /// Properties or hazards.
    pub causes: Vec<String>,
    /// Nothing below it.
    #[serde(deserialize_with = "optional_word")]
    pub least_severity: Option<Severity>,
}

impl Topic {
    /// What it wants.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            areas: self.areas.clone(),
            kinds: self.kinds.clone(),
            causes: self.causes.clone(),
            least_severity: self.least_severity,
        }
    }
}

fn optional_word<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    word(deserializer).map(Some)
}
