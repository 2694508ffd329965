//! E-mail by one server, over a connection of its own for each message.
//!
//! The `Message-ID` is the message's stable key, so a repetition has the same and mail programs show it once.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::{Outcome, SetupError, Worded, secret};
use crate::model::Timestamp;
use crate::notify::config::{Mail, Security};
use crate::notify::guard::{Guard, NotAllowed};
use crate::notify::outbox::{Certainty, Errand};

/// A mail server.
pub(super) struct Server {
    host: String,
    port: u16,
    security: Security,
    from: Mailbox,
    credentials: Option<Credentials>,
    certificates: Vec<Certificate>,
    timeout: Duration,
}

impl Server {
    pub(super) fn new(mail: &Mail, timeout: Duration) -> Result<Server, SetupError> {
        let wrong = |key: &str, message: String| SetupError::Config { key: format!("mail.{key}"), message };
        let from = mail.from.parse().map_err(|_| wrong("from", "is no address".to_owned()))?;
        let password = mail.password_file.as_ref().map(|path| secret(path)).transpose()?;
        let credentials = password.map(|password| Credentials::new(mail.username.clone(), password));
        let mut certificates = Vec::new();
        if let Some(path) = &mail.ca_file {
            let pem = std::fs::read(path).map_err(|source| SetupError::File { path: path.clone(), source })?;
            let broken = |reason: String| SetupError::Certificates { path: path.clone(), reason };
            certificates.push(Certificate::from_pem(&pem).map_err(|error| broken(error.to_string()))?);
        }
        let (host, port, security) = (mail.host.trim().to_owned(), mail.port, mail.security);
        Ok(Server { host, port, security, from, credentials, certificates, timeout })
    }

    pub(super) async fn send(
        &self,
        guard: &Guard,
        errand: &Errand,
        worded: &Worded,
        (name, address): (&str, &str),
        now: Timestamp,
    ) -> Outcome {
        let Ok(address) = address.parse::<Address>() else { return Outcome::refused("it is no mail address") };
        let Some((envelope, bytes)) = self.message(errand, worded, (name, address), now) else {
            return Outcome::refused("the message cannot be made");
        };
        let server = match guard.resolve(&self.host, self.port).await {
            Ok(addresses) => addresses.first().map(|address| address.ip().to_string()),
            Err(why @ NotAllowed::Inside(_)) => return Outcome::refused(why.to_string()),
            Err(why) => return Outcome::again(why.to_string(), Certainty::Refused),
        };
        let Some(transport) = server.and_then(|server| self.transport(server)) else {
            return Outcome::refused("the certificates cannot be used");
        };
        match tokio::time::timeout(self.timeout, transport.send_raw(&envelope, &bytes)).await {
            Ok(Ok(_)) => Outcome::Sent,
            Ok(Err(error)) => judge(&error),
            Err(_) => Outcome::again("no answer in time", Certainty::Unsure),
        }
    }

    /// To the address that was judged, and not to what the name may stand for a moment later.
    fn transport(&self, server: String) -> Option<AsyncSmtpTransport<Tokio1Executor>> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if !self.certificates.is_empty() {
            tls = tls.certificate_store(CertificateStore::None);
            tls = self.certificates.iter().fold(tls, |tls, certificate| tls.add_root_certificate(certificate.clone()));
        }
        let tls = match self.security {
            Security::None => Tls::None,
            Security::Starttls => Tls::Required(tls.build().ok()?),
            Security::Tls => Tls::Wrapper(tls.build().ok()?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)
            .port(self.port)
            .tls(tls)
            .hello_name(ClientId::Domain(domain(&self.from).to_owned()))
            .timeout(Some(self.timeout));
        if let Some(credentials) = &self.credentials {
            builder = builder.credentials(credentials.clone());
        }
        Some(builder.build())
    }

    /// Envelope and bytes; the names in headers are encoded, and have no control letters anyway.
    fn message(
        &self,
        errand: &Errand,
        worded: &Worded,
        (name, address): (&str, Address),
        now: Timestamp,
    ) -> Option<(Envelope, Vec<u8>)> {
        let to = Mailbox::new(Some(crate::notify::facts::clean(name, 120)), address);
        let seconds = u64::try_from(now.micros().div_euclid(1_000_000)).unwrap_or(0);
        let key = HeaderName::new_from_ascii_str("X-Saola-Key");
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .subject(crate::notify::facts::clean(&worded.subject, 240))
            .message_id(Some(format!("<{}@{}>", errand.key, domain(&self.from))))
            .raw_header(HeaderValue::new(key, errand.key.clone()))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(worded.text.clone()))
            .ok()?;
        Some((message.envelope().clone(), message.formatted()))
    }
}

fn domain(mailbox: &Mailbox) -> &str {
    mailbox.email.domain()
}

/// A mailbox that does not exist or takes no such mail is given up; whatever may be mended at the server is tried again.
fn judge(error: &lettre::transport::smtp::Error) -> Outcome {
    let code = error.status().map(u16::from);
    match code {
        // Too large, or its content is not liked.
        Some(code @ (552 | 554)) => Outcome::Unfit { error: format!("answered {code}") },
        Some(code @ (550 | 551 | 553 | 556)) => Outcome::refused(format!("answered {code}")),
        Some(code) => Outcome::again(format!("answered {code}"), Certainty::Refused),
        None if error.is_timeout() => Outcome::again("no answer in time", Certainty::Unsure),
        None if error.is_tls() => Outcome::again("no secure connection", Certainty::Refused),
        None if error.is_client() => Outcome::again("the server does not offer what is needed", Certainty::Refused),
        None => Outcome::again("no connection, or it ended without an answer", Certainty::Unsure),
    }
}
