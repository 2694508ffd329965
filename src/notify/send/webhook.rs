//! Machines that are told by signed requests.
//!
//! `POST` with the document of `payload.rs` and these headers:
//!
//! ```text
//! Idempotency-Key:    the message's stable key; a repetition has the same
//! X-Saola-Timestamp:  seconds since 1970 at which it was signed
//! X-Saola-Signature:  v1=HMAC-SHA256(secret, timestamp "." body) in hexadecimal digits
//! ```
//!
//! A receiver refuses what is older than some minutes, so that what somebody recorded cannot be played again.

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use ring::hmac;

use super::{Outcome, SetupError, Worded, outcome, payload, secret};
use crate::model::Timestamp;
use crate::notify::config::Webhook;
use crate::notify::guard::Guard;
use crate::notify::outbox::Errand;

/// One machine.
pub(super) struct Target {
    pub(super) name: String,
    url: Url,
    secret: hmac::Key,
    client: reqwest::Client,
}

impl Target {
    pub(super) fn new(webhook: &Webhook, client: reqwest::Client) -> Result<Target, SetupError> {
        let wrong = |message: &str| SetupError::Config {
            key: format!("webhook {}", webhook.name),
            message: message.to_owned(),
        };
        let path = webhook.secret_file.as_ref().ok_or_else(|| wrong("has no secret_file"))?;
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret(path)?.as_bytes());
        let url = Url::parse(&webhook.url).map_err(|_| wrong("has no address"))?;
        Ok(Target { name: webhook.name.clone(), url, secret, client })
    }

    pub(super) async fn send(&self, guard: &Guard, errand: &Errand, worded: &Worded, now: Timestamp) -> Outcome {
        if let Err(why) = guard.check_url(&self.url) {
            return Outcome::refused(why.to_string());
        }
        let body = payload::document(errand, worded);
        let signed_at = now.seconds();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", &errand.key)
            .header("x-saola-timestamp", signed_at)
            .header("x-saola-signature", format!("v1={}", signature(&self.secret, signed_at, &body)));
        outcome(request.body(body)).await
    }
}

/// The signature of a body at an instant (seconds since 1970), in hexadecimal digits.
pub fn signature(secret: &hmac::Key, signed_at: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(secret);
    context.update(signed_at.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
