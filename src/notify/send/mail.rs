//! E-mail by one server, over a connection of its own for each message.
//!
//! Every address of the server is tried in turn. What fails before the letter begins to leave has not arrived for sure;
//! what fails after may have.
//!
//! The `Message-ID` is the message's stable key, so a repetition has the same and mail programs show it once.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};

use super::{Outcome, SetupError, Worded, secret};
use crate::model::Timestamp;
use crate::notify::config::{Mail, Security};
use crate::notify::guard::{Guard, NotAllowed};
use crate::notify::outbox::{Certainty, Errand};

/// What a server gets to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

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
        match guard.resolve(&self.host, self.port).await {
            Ok(addresses) => self.hand_over(&addresses, &envelope, &bytes).await,
            Err(why @ NotAllowed::Inside(_)) => Outcome::refused(why.to_string()),
            Err(why) => Outcome::again(why.to_string(), Certainty::Refused),
        }
    }

    /// To the first of these addresses that answers. They were judged: not what the name may stand for a moment later.
    async fn hand_over(&self, addresses: &[SocketAddr], envelope: &Envelope, bytes: &[u8]) -> Outcome {
        let Some(tls) = self.tls() else { return Outcome::refused("the certificates cannot be used") };
        let until = tokio::time::Instant::now() + self.timeout;
        let mut connection = match tokio::time::timeout_at(until, self.connect(addresses, tls)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Outcome::again(before_it_left(&error), Certainty::Refused),
            Err(_) => return Outcome::again("no answer in time", Certainty::Refused),
        };
        let outcome = match tokio::time::timeout_at(until, connection.send(envelope, bytes)).await {
            Ok(Ok(_)) => Outcome::Sent,
            Ok(Err(error)) => judge(&error),
            Err(_) => Outcome::again("no answer in time", Certainty::Unsure),
        };
        // The letter is the server's already: how the connection ends is of no matter.
        let _ = tokio::time::timeout(FAREWELL, connection.quit()).await;
        outcome
    }

    /// `None` when the certificates cannot be used; the inner one where the connection is open.
    #[expect(clippy::option_option, reason = "no security and wrong certificates are two things")]
    fn tls(&self) -> Option<Option<TlsParameters>> {
        if self.security == Security::None {
            return Some(None);
        }
        let mut tls = TlsParameters::builder(self.host.clone());
        if !self.certificates.is_empty() {
            tls = tls.certificate_store(CertificateStore::None);
            tls = self.certificates.iter().fold(tls, |tls, certificate| tls.add_root_certificate(certificate.clone()));
        }
        tls.build().ok().map(Some)
    }

    /// Ready for a letter.
    async fn connect(
        &self,
        addresses: &[SocketAddr],
        tls: Option<TlsParameters>,
    ) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let hello = ClientId::Domain(domain(&self.from).to_owned());
        // Each gets its share of the time, so that a dead one leaves some to the next.
        let each = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let (wrapped, starttls) = match self.security {
            Security::Starttls => (None, tls),
            Security::None | Security::Tls => (tls, None),
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(addresses, Some(each), &hello, wrapped, None).await?;
        if let Some(tls) = starttls {
            connection.starttls(tls, &hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
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
        let seconds = u64::try_from(now.seconds()).unwrap_or(0);
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

/// What went wrong before a letter began to leave; it is the server's matter and not the letter's.
fn before_it_left(error: &lettre::transport::smtp::Error) -> String {
    match error.status().map(u16::from) {
        Some(code) => format!("answered {code}"),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None if error.is_tls() => "no secure connection".to_owned(),
        None if error.is_client() => "the server does not offer what is needed".to_owned(),
        None => "no connection".to_owned(),
    }
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
        None if error.is_client() => Outcome::again("the server does not offer what is needed", Certainty::Refused),
        None => Outcome::again("the connection ended without an answer", Certainty::Unsure),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    fn server() -> Server {
        let mail = Mail {
            host: "mail.example.vn".to_owned(),
            security: Security::None,
            from: "Saola <saola@example.vn>".to_owned(),
            ..Mail::default()
        };
        Server::new(&mail, Duration::from_secs(30)).unwrap()
    }

    async fn hand_over(addresses: &[SocketAddr]) -> Outcome {
        let address: Address = "lan@example.vn".parse().unwrap();
        let envelope = Envelope::new(Some(address.clone()), vec![address]).unwrap();
        server().hand_over(addresses, &envelope, b"Subject: x\r\n\r\nx\r\n").await
    }

    /// Answers `codes`, one for each line, and then says no more.
    async fn scripted(codes: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            for code in codes {
                write.write_all(format!("{code} x\r\n").as_bytes()).await.unwrap();
                // The letter itself ends with a dot.
                while let Ok(Some(line)) = lines.next_line().await
                    && *code == "354"
                    && line != "."
                {}
            }
        });
        address
    }

    /// An address where nobody listens.
    async fn dead() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn every_address_of_the_server_is_tried() {
        let alive = scripted(&["220", "250", "250", "250", "354", "250", "221"]).await;
        assert_eq!(hand_over(&[dead().await, alive]).await, Outcome::Sent);
    }

    #[tokio::test]
    async fn what_ends_before_the_letter_left_has_not_arrived() {
        let again = |error: &str, certainty| Outcome::again(error, certainty);
        assert_eq!(hand_over(&[dead().await, dead().await]).await, again("no connection", Certainty::Refused));
        assert_eq!(hand_over(&[scripted(&["554"]).await]).await, again("answered 554", Certainty::Refused));
        assert_eq!(hand_over(&[scripted(&["220"]).await]).await, again("no connection", Certainty::Refused));
        let ended = hand_over(&[scripted(&["220", "250", "250", "250", "354"]).await]).await;
        assert_eq!(ended, again("the connection ended without an answer", Certainty::Unsure));
        let large = hand_over(&[scripted(&["220", "250", "250", "250", "354", "552", "221"]).await]).await;
        assert_eq!(large, Outcome::Unfit { error: "answered 552".to_owned() });
    }
}
