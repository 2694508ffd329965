//! One try to hand a message over, by whichever channel it goes.
//!
//! Every sender answers with an [`Outcome`] and keeps nothing: what is tried again, and when, is the courier's. No
//! sender follows a redirect, asks a proxy of the environment, reads an answer's body, or connects to an address that
//! [`Guard`] refuses. Errors name the channel and the cause, never an address.

mod fit;
mod gateway;
mod mail;
mod payload;
pub mod push;
mod topic;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;

use super::config::Config;
use super::guard::{Guard, NotAllowed};
use super::outbox::{Certainty, Errand};
use super::people::Directory;
use super::texts::Texts;
use crate::model::Timestamp;

use gateway::Limit;
pub use push::Vapid;
pub use webhook::signature;

/// The longest wait that an answer may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has taken it.
    Sent,
    /// To be tried again.
    Again {
        /// What went wrong.
        error: String,
        /// Whether it may have arrived.
        certainty: Certainty,
        /// Not sooner than this, as the other side wishes.
        after: Option<Duration>,
    },
    /// This message will never be taken.
    Failed {
        /// Why.
        error: String,
        /// Whether it may have arrived all the same.
        certainty: Certainty,
    },
    /// The other side will not take it as it is: too large, or something in it is wrong. Of a digest a part may be taken.
    Unfit {
        /// What the other side said.
        error: String,
    },
    /// The address is no longer there: neither this nor any other message will be taken.
    Gone {
        /// What the other side said.
        error: String,
    },
}

impl Outcome {
    fn again(error: impl Into<String>, certainty: Certainty) -> Outcome {
        Outcome::Again { error: error.into(), certainty, after: None }
    }

    fn refused(error: impl Into<String>) -> Outcome {
        Outcome::Failed { error: error.into(), certainty: Certainty::Refused }
    }
}

/// A message in the words in which it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded {
    /// One line.
    pub subject: String,
    /// All of it.
    pub text: String,
    /// What is sent instead, where that must be short.
    pub short: Option<String>,
    /// By which its recipient reports what became of it.
    pub token: String,
}

/// Why the senders could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A named file.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Certificates that are none.
    #[error("{} holds no certificates: {reason}", path.display())]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The HTTP client.
    #[error("cannot prepare requests")]
    Http(#[from] reqwest::Error),
    /// The key that push services know us by.
    #[error("cannot use the key for Web Push in {}", .0.display())]
    Vapid(PathBuf),
    /// A value that `saola check` refuses, too.
    #[error("notify.{key}: {message}")]
    Config {
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
}

/// Publishes on the embedded edge: topic and payload.
pub type Publish = Box<dyn Fn(&str, Vec<u8>) -> Result<(), String> + Send + Sync>;

/// Every way out.
pub struct Senders {
    guard: Guard,
    webhooks: Vec<webhook::Target>,
    gateways: Vec<gateway::Target>,
    topics: Vec<super::config::Topic>,
    mail: Option<mail::Server>,
    push: Option<push::Service>,
    publish: Option<Publish>,
}

impl Senders {
    /// As configured. `vapid` is where the key for Web Push is kept; made when it is missing and push is on.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn new(config: &Config, vapid: &Path, publish: Option<Publish>) -> Result<Senders, SetupError> {
        if let Some((key, message)) = config.mistakes().into_iter().next() {
            return Err(SetupError::Config { key, message });
        }
        let networks = config.private_networks.iter().filter_map(|text| super::guard::Network::parse(text).ok());
        let guard = Guard::new(networks.collect());
        let timeout = config.try_timeout.duration();
        let client = |ca_file: Option<&Path>| client(&guard, timeout, ca_file);
        let open = client(None)?;
        let of = |ca_file: &Option<PathBuf>| match ca_file {
            Some(path) => client(Some(path)),
            None => Ok(open.clone()),
        };
        let mut webhooks = Vec::new();
        for webhook in &config.webhooks {
            webhooks.push(webhook::Target::new(webhook, of(&webhook.ca_file)?)?);
        }
        let mut gateways = Vec::new();
        for gateway in &config.gateways {
            gateways.push(gateway::Target::new(gateway, of(&gateway.ca_file)?)?);
        }
        let mail = config.mail.as_ref().map(|mail| mail::Server::new(mail, timeout)).transpose()?;
        let push = match &config.push {
            Some(push) => Some(push::Service::new(&push.contact, Vapid::open(vapid)?, open.clone())),
            None => None,
        };
        Ok(Senders { guard, webhooks, gateways, topics: config.topics.clone(), mail, push, publish })
    }

    /// The key that browsers need to subscribe; `None` when push is off.
    pub fn push_key(&self) -> Option<String> {
        self.push.as_ref().map(push::Service::public_key)
    }

    /// Whether people can be reached by a channel of this name.
    pub fn has_channel(&self, name: &str) -> bool {
        match name {
            "mail" => self.mail.is_some(),
            "push" => self.push.is_some(),
            name => self.gateways.iter().any(|gateway| gateway.name == name),
        }
    }

    /// Whether a secret is the one by which a gateway reports.
    pub fn is_report_secret(&self, channel: &str, secret: &str) -> bool {
        self.gateways.iter().any(|gateway| gateway.name == channel && gateway.is_report_secret(secret))
    }

    /// The words of an errand on its channel.
    pub fn word(&self, texts: &Texts, errand: &Errand, token: String) -> Worded {
        let members: Vec<_> = errand.members.iter().map(|(_, member)| member.clone()).collect();
        let said = texts.say(&errand.languages, &members);
        let language = errand.languages.first().copied().unwrap_or(super::texts::Language::Vi);
        let gateway = self.gateways.iter().find(|gateway| gateway.name == errand.channel);
        let short = gateway.and_then(|gateway| match gateway.limit() {
            Limit::Sms => Some(super::sms::text(texts, language, &members)),
            Limit::Letters(most) => fit::shortened(&said.text, most, |text| text.chars().count()),
            Limit::None => None,
        });
        Worded { subject: said.subject, text: said.text, short, token }
    }

    /// Tries once.
    pub async fn send(&self, errand: &Errand, worded: &Worded, directory: &Directory, now: Timestamp) -> Outcome {
        if let Some(name) = errand.lane.strip_prefix("webhook:") {
            return match self.webhooks.iter().find(|target| target.name == name) {
                Some(target) => target.send(&self.guard, errand, worded, now).await,
                None => Outcome::refused("the webhook is no longer configured"),
            };
        }
        if let Some(name) = errand.lane.strip_prefix("topic:") {
            return match self.topics.iter().find(|topic| topic.name == name) {
                Some(topic) => topic::send(self.publish.as_ref(), topic, errand, worded),
                None => Outcome::refused("the topic is no longer configured"),
            };
        }
        let Some((person, contact)) = directory.contact(&errand.lane) else {
            return Outcome::refused("the contact was removed");
        };
        match contact.channel.as_str() {
            "mail" => match &self.mail {
                Some(server) => server.send(&self.guard, errand, worded, (&person.name, &contact.address), now).await,
                None => Outcome::refused("e-mail is not configured"),
            },
            "push" => match &self.push {
                Some(service) => service.send(&self.guard, errand, worded, &contact.address, now).await,
                None => Outcome::refused("push is not configured"),
            },
            channel => match self.gateways.iter().find(|gateway| gateway.name == channel) {
                Some(gateway) => gateway.send(&self.guard, errand, worded, &contact.address).await,
                None => Outcome::refused("the gateway is no longer configured"),
            },
        }
    }
}

/// A client that goes only where it may.
fn client(guard: &Guard, timeout: Duration, ca_file: Option<&Path>) -> Result<reqwest::Client, SetupError> {
    // The first one stays; the whole process uses this provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(guard.clone()))
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .user_agent(concat!("saola/", env!("CARGO_PKG_VERSION")));
    let Some(path) = ca_file else { return Ok(builder.build()?) };
    let pem = std::fs::read(path).map_err(|source| SetupError::File { path: path.to_owned(), source })?;
    let broken = |reason: String| SetupError::Certificates { path: path.to_owned(), reason };
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| broken(error.to_string()))?;
    if certificates.is_empty() {
        return Err(broken("no PEM block".to_owned()));
    }
    Ok(builder.tls_certs_only(certificates).build()?)
}

/// A secret from the first line of its file.
fn secret(path: &Path) -> Result<String, SetupError> {
    let text = std::fs::read_to_string(path).map_err(|source| SetupError::File { path: path.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// What a request's end means, for channels that tell no more by it.
async fn outcome(request: reqwest::RequestBuilder) -> Outcome {
    match request.send().await {
        Ok(answer) => judge(answer.status(), retry_after(answer.headers())),
        Err(error) => {
            // The error's own text names the address, which may be personal.
            let (what, certainty) = if error.is_timeout() && !error.is_connect() {
                ("no answer in time", Certainty::Unsure)
            } else if let Some(refused) = not_allowed(&error) {
                return Outcome::Failed { error: refused.to_string(), certainty: Certainty::Refused };
            } else if error.is_connect() {
                ("no connection", Certainty::Refused)
            } else if error.is_builder() {
                return Outcome::refused("the request cannot be made");
            } else {
                ("the connection ended without an answer", Certainty::Unsure)
            };
            Outcome::again(what, certainty)
        }
    }
}

/// The guard's refusal inside an error, when that is its cause.
fn not_allowed(error: &reqwest::Error) -> Option<&NotAllowed> {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(NotAllowed::Inside(_)) = found.downcast_ref::<NotAllowed>() {
            return found.downcast_ref();
        }
        cause = found.source();
    }
    None
}

/// What a status means: only what says that this very message is wrong is parted, or given up, at once.
fn judge(status: StatusCode, after: Option<Duration>) -> Outcome {
    let error = format!("answered {}", status.as_u16());
    match status.as_u16() {
        200..=299 => Outcome::Sent,
        400 | 413..=415 | 422 | 431 => Outcome::Unfit { error },
        500..=599 => Outcome::Again { error, certainty: Certainty::Unsure, after },
        300..=399 => Outcome::again(format!("{error}: redirects are not followed"), Certainty::Refused),
        _ => Outcome::Again { error, certainty: Certainty::Refused, after },
    }
}

fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
