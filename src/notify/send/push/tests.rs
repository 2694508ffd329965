//! What a browser does with a message: the receiving side of RFC 8291, and of VAPID.

use super::*;
use crate::notify::facts::Kind;
use crate::notify::texts::tests::facts;
use crate::notify::texts::{Language, Member};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;

fn errand() -> Errand {
    Errand {
        message: 1,
        key: "0123456789abcdef0123456789abcdef".to_owned(),
        lane: "contact".to_owned(),
        recipient: "lan".to_owned(),
        channel: "push".to_owned(),
        languages: vec![Language::Vi],
        attempts: 1,
        since: Timestamp::EPOCH,
        members: vec![("0123".to_owned(), Member { kind: Kind::Raised, facts: facts() })],
    }
}

/// A browser with a key of its own.
fn browser(seed: u8) -> (SecretKey, Subscription) {
    let secret = SecretKey::from_slice(&[seed; 32]).unwrap();
    let public = secret.public_key().to_encoded_point(false);
    let keys = Keys { p256dh: URL_SAFE_NO_PAD.encode(public.as_bytes()), auth: URL_SAFE_NO_PAD.encode([seed; 16]) };
    (secret, Subscription { endpoint: "https://push.example/x".to_owned(), keys })
}

#[test]
fn only_the_browser_that_subscribed_can_read_a_message() {
    let (secret, subscription) = browser(7);
    subscription.check().unwrap();
    let worded =
        Worded { subject: "Khói".to_owned(), text: "một\nhai".to_owned(), short: None, token: "t".to_owned() };
    let plain = document(&errand(), &worded, Severity::High);
    let (public, auth) = (subscription.public().unwrap(), subscription.auth().unwrap());
    let sealed = web_push_native::encrypt(plain.clone(), &public, &auth).unwrap();
    assert!(!sealed.windows(4).any(|bytes| bytes == "Khói".as_bytes()));
    assert_eq!(web_push_native::decrypt(sealed.clone(), &secret, &auth).unwrap(), plain);
    let (other, _) = browser(8);
    assert!(web_push_native::decrypt(sealed, &other, &auth).is_err());
    let read: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    assert_eq!(
        (read["key"].as_str(), read["body"].as_str()),
        (Some("0123456789abcdef0123456789abcdef"), Some("một\nhai"))
    );
}

#[test]
fn a_long_message_stays_below_what_every_service_takes() {
    let text = "Đường dây nóng\n".repeat(1_000);
    let worded = Worded { subject: "ấ".repeat(4_000), text, short: None, token: "t".repeat(32) };
    let (_, subscription) = browser(7);
    let (public, auth) = (subscription.public().unwrap(), subscription.auth().unwrap());
    let sealed = web_push_native::encrypt(document(&errand(), &worded, Severity::Low), &public, &auth).unwrap();
    assert!(sealed.len() <= 4_096, "{}", sealed.len());
}

#[test]
fn a_push_service_can_check_that_it_is_us() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vapid.pk8");
    let vapid = Vapid::open(&path).unwrap();
    assert_eq!(Vapid::open(&path).unwrap().public_key(), vapid.public_key(), "the key stays");
    let now = Timestamp::from_seconds(1_795_230_900);
    let header = vapid.authorization("https://push.example", "mailto:a@b.vn", now).unwrap();
    let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = URL_SAFE_NO_PAD.decode(key).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public).verify(signed.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], "https://push.example");
    assert_eq!(claims["exp"], 1_795_230_900 + SIGNED_FOR_S);
}

#[test]
fn a_subscription_that_nothing_can_be_encrypted_for_is_refused() {
    let (_, good) = browser(7);
    let check = |change: &dyn Fn(&mut Subscription), expected: &str| {
        let mut wrong = good.clone();
        change(&mut wrong);
        let why = wrong.check().unwrap_err();
        assert!(why.starts_with(expected), "{why}");
    };
    check(&|one| one.endpoint = "http://push.example/".to_owned(), "endpoint");
    check(&|one| one.endpoint = "x".to_owned(), "endpoint");
    check(&|one| one.keys.p256dh = URL_SAFE_NO_PAD.encode([4; 65]), "keys.p256dh");
    check(&|one| one.keys.auth = URL_SAFE_NO_PAD.encode([4; 15]), "keys.auth");
}
