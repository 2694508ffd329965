//! Web Push: encrypted for one browser (RFC 8291), signed as ours (VAPID, RFC 8292).
//!
//! A browser's subscription that its service calls gone (404, 410) is forgotten. The key pair is made at the first
//! start and kept in the folder of data: browsers bind their subscriptions to it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use web_push_native::p256::PublicKey;

use super::fit::shortened;
use super::{Outcome, SetupError, Worded, outcome};
use crate::model::{Severity, Timestamp};
use crate::notify::guard::Guard;
use crate::notify::outbox::{Certainty, Errand};

/// How long a push service keeps a message for a phone that is off, seconds.
const KEPT_S: u32 = 12 * 3_600;
/// How long a signature is good for, seconds; services take up to a day.
const SIGNED_FOR_S: i64 = 6 * 3_600;
/// Bytes of a message's text: with the rest it stays below the 4,096 bytes that every service takes.
const TEXT_BYTES_MAX: usize = 2_400;
/// Bytes of a browser's secret (RFC 8291, 3.2).
const AUTH_BYTES: usize = 16;

/// A browser's subscription, as `PushSubscription.toJSON()` gives it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Where its push service takes messages for it.
    pub endpoint: String,
    /// Its keys.
    pub keys: Keys,
}

/// A browser's keys, base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// Its public key: an uncompressed point of P-256.
    pub p256dh: String,
    /// Its secret: 16 bytes.
    pub auth: String,
}

impl Subscription {
    /// Checks that messages can be encrypted for it, and that its end-point is an https address.
    ///
    /// # Errors
    /// A sentence what is wrong.
    pub fn check(&self) -> Result<(), String> {
        let url = Url::parse(&self.endpoint).map_err(|_| "endpoint: is no address".to_owned())?;
        if url.scheme() != "https" || self.endpoint.len() > 2_000 {
            return Err("endpoint: must be an https address of at most 2,000 letters".to_owned());
        }
        self.public().ok_or("keys.p256dh: must be a point of P-256 in base64url")?;
        self.auth().ok_or("keys.auth: must be 16 bytes in base64url")?;
        Ok(())
    }

    fn public(&self) -> Option<PublicKey> {
        PublicKey::from_sec1_bytes(&decode(&self.keys.p256dh)?).ok()
    }

    fn auth(&self) -> Option<web_push_native::Auth> {
        let bytes = decode(&self.keys.auth).filter(|bytes| bytes.len() == AUTH_BYTES)?;
        Some(web_push_native::Auth::clone_from_slice(&bytes))
    }
}

/// Browsers differ in whether they pad.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// The key pair that push services know us by.
pub struct Vapid {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Vapid {
    /// Reads the key (PKCS #8), making it when there is none.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn open(path: &Path) -> Result<Vapid, SetupError> {
        let failed = |source| SetupError::File { path: path.to_owned(), source };
        let random = SystemRandom::new();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                    .map_err(|_| SetupError::Vapid(path.to_owned()))?;
                let mut file =
                    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
                file.write_all(made.as_ref()).and_then(|()| file.sync_all()).map_err(failed)?;
                made.as_ref().to_vec()
            }
            Err(error) => return Err(failed(error)),
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes, &random)
            .map_err(|_| SetupError::Vapid(path.to_owned()))?;
        Ok(Vapid { pair, random })
    }

    /// The public key: an uncompressed point, base64url.
    pub fn public_key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key())
    }

    /// The value of `Authorization` for the push service at `origin` (RFC 8292, 3).
    fn authorization(&self, origin: &str, contact: &str, now: Timestamp) -> Option<String> {
        let expires = now.seconds() + SIGNED_FOR_S;
        let header = URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "ES256"}).to_string());
        let claims = URL_SAFE_NO_PAD.encode(json!({"aud": origin, "exp": expires, "sub": contact}).to_string());
        let signed = format!("{header}.{claims}");
        let signature = self.pair.sign(&self.random, signed.as_bytes()).ok()?;
        Some(format!("vapid t={signed}.{}, k={}", URL_SAFE_NO_PAD.encode(signature), self.public_key()))
    }
}

/// What sends to push services.
pub(super) struct Service {
    contact: String,
    vapid: Vapid,
    client: reqwest::Client,
}

impl Service {
    pub(super) fn new(contact: &str, vapid: Vapid, client: reqwest::Client) -> Service {
        Service { contact: contact.to_owned(), vapid, client }
    }

    pub(super) fn public_key(&self) -> String {
        self.vapid.public_key()
    }

    pub(super) async fn send(
        &self,
        guard: &Guard,
        errand: &Errand,
        worded: &Worded,
        address: &str,
        now: Timestamp,
    ) -> Outcome {
        let broken = || Outcome::refused("the browser's subscription cannot be used");
        let Ok(subscription) = serde_json::from_str::<Subscription>(address) else { return broken() };
        let (Ok(url), Some(public), Some(auth)) =
            (Url::parse(&subscription.endpoint), subscription.public(), subscription.auth())
        else {
            return broken();
        };
        if let Err(why) = guard.check_url(&url) {
            return Outcome::refused(why.to_string());
        }
        let origin = url.origin().ascii_serialization();
        let Some(authorization) = self.vapid.authorization(&origin, &self.contact, now) else { return broken() };
        let worst = errand.members.iter().map(|(_, member)| member.facts.severity).max().unwrap_or(Severity::Low);
        let Ok(body) = web_push_native::encrypt(document(errand, worded, worst), &public, &auth) else {
            return broken();
        };
        let urgency = if worst >= Severity::High { "high" } else { "normal" };
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .header("ttl", KEPT_S)
            .header("urgency", urgency)
            .header("topic", &errand.key)
            .body(body);
        match outcome(request).await {
            Outcome::Again { error, certainty: Certainty::Refused, .. }
                if ["answered 404", "answered 410"].contains(&error.as_str()) =>
            {
                Outcome::Gone { error }
            }
            outcome => outcome,
        }
    }
}

fn document(errand: &Errand, worded: &Worded, worst: Severity) -> Vec<u8> {
    let kind = match errand.members.as_slice() {
        [(_, member)] => member.kind.word(),
        _ => "digest",
    };
    let alert = errand.members.first().map(|(_, member)| member.facts.alert.as_str());
    let document = json!({
        "key": errand.key,
        "kind": kind,
        "count": errand.members.len(),
        "severity": worst.word(),
        "alert": alert,
        "title": crate::notify::facts::clean(&worded.subject, 200),
        "body": shortened(&worded.text, TEXT_BYTES_MAX, str::len).as_ref().unwrap_or(&worded.text),
        "report_token": worded.token,
    });
    document.to_string().into_bytes()
}

#[cfg(test)]
#[path = "push/tests.rs"]
mod tests;
