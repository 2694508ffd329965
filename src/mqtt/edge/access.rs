//! Who may connect, publish and subscribe.
//!
//! Invariants: denied by default (no account, no rule, no password: no); a name can never widen a filter, because
//! names with `+ # / $` are refused (client identifiers may hold them: no filter is made from one); passwords are
//! compared only by argon2id or by a keyed digest, and are never logged or kept.
//!
//! **Remembered logins.** argon2id costs tens of milliseconds on purpose; 10,000 devices that reconnect after a
//! restart of their gateway must not pay it each. After one success the edge keeps, in memory only, a digest
//! SHA-256(key, name, hash, password) with a random key made at start: one per account, compared in constant time,
//! void when the account's hash changes, gone at exit. Whoever can read the process's memory could test guesses
//! against it faster than against argon2id, but could read the passwords themselves as they arrive.
//!
//! Besides the configured accounts there are devices with credentials of their own ([`super::devices`]), which come
//! and go while the edge runs; where both have a name, the configured account has it.
//!
//! Left out on purpose: locking of accounts by wrong passwords (they are slowed, [`super::throttle`]).

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::config::{ConfigMistake, DeviceAccount};
use super::devices::{Device, Devices};
use crate::mqtt::topic;

/// A checked topic filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Box<str>);

impl Filter {
    /// `None` when the text is not a filter.
    pub fn new(text: &str) -> Option<Filter> {
        topic::valid_filter(text).then(|| Filter(text.into()))
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which of those who have had a name somebody is: a name may be taken back and given to another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// Of the configuration (or the demo), whose names are one party's for good, whatever the password.
    Configured,
    /// A device with this hash of its secret; each issue has a secret of its own.
    Secret([u8; 32]),
}

/// Somebody who may connect, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that client identifiers belong to.
    pub name: Box<str>,
    /// Which issue of the name.
    pub issue: Issue,
    /// Topics that it may publish to.
    pub publish: Vec<Filter>,
    /// Filters that cover what it may subscribe to.
    pub subscribe: Vec<Filter>,
}

impl Account {
    /// Whether a rule allows it to publish to `topic`.
    pub fn may_publish(&self, topic: &str) -> bool {
        self.publish.iter().any(|filter| topic::matches(&filter.0, topic))
    }

    /// Whether one rule covers all that `filter` asks for.
    pub fn may_subscribe(&self, filter: &str) -> bool {
        self.subscribe.iter().any(|allowed| topic::covers(&allowed.0, filter))
    }
}

/// The door.
#[derive(Debug)]
pub enum Access {
    /// Anybody, without a password, may publish and subscribe to anything: for the demo on the loopback.
    Open(Arc<Account>),
    /// The configured accounts and nobody else.
    Accounts(Accounts),
}

/// The configured accounts, and the devices of now.
pub struct Accounts {
    by_name: HashMap<Box<str>, Registered>,
    devices: ArcSwap<Devices>,
    key: [u8; 32],
    /// One digest per account at most, so it never outgrows `by_name`.
    remembered: Mutex<HashMap<Box<str>, [u8; 32]>>,
    /// Verified against when the name is unknown, so that the time taken does not tell.
    decoy: String,
}

struct Registered {
    account: Arc<Account>,
    password_hash: String,
}

/// A name and password as they came, for a check off the async threads.
#[derive(Clone)]
pub(super) struct Credentials {
    pub name: String,
    pub password: Vec<u8>,
}

/// What is known of a login without the costly check.
pub(super) enum Recalled {
    Known(Arc<Account>),
    Unknown(Credentials),
    Refused,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("count", &self.by_name.len()).finish_non_exhaustive()
    }
}

impl Access {
    /// The demo's open door.
    pub fn open() -> Access {
        let everything = Filter("#".into());
        let (publish, subscribe) = (vec![everything.clone()], vec![everything]);
        let account = Account { name: "demo".into(), issue: Issue::Configured, publish, subscribe };
        Access::Open(Arc::new(account))
    }

    /// The accounts of the configuration, or every mistake in them. None configured: nobody may connect.
    pub fn configured(accounts: &[DeviceAccount]) -> Result<Access, Vec<ConfigMistake>> {
        let mut mistakes = Vec::new();
        let mut by_name = HashMap::new();
        for (index, entry) in accounts.iter().enumerate() {
            let at = format!("account[{index}]");
            if !valid_name(&entry.name) {
                let message = "must be 1 to 128 bytes without + # / $ and control letters";
                mistakes.push(ConfigMistake::new(format!("{at}.name"), message));
            }
            if !is_argon2id(&entry.password_hash) {
                let message = "is not an argon2id PHC string ($argon2id$v=19$…)";
                mistakes.push(ConfigMistake::new(format!("{at}.password_hash"), message));
            }
            let account = Account {
                name: entry.name.as_str().into(),
                issue: Issue::Configured,
                publish: filters(&entry.name, &entry.publish, &format!("{at}.publish"), &mut mistakes),
                subscribe: filters(&entry.name, &entry.subscribe, &format!("{at}.subscribe"), &mut mistakes),
            };
            let registered = Registered { account: Arc::new(account), password_hash: entry.password_hash.clone() };
            if by_name.insert(entry.name.as_str().into(), registered).is_some() {
                mistakes.push(ConfigMistake::new(format!("{at}.name"), "is used by another account"));
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let decoy = accounts.first().map(|first| first.password_hash.clone()).unwrap_or_default();
        let (devices, key, remembered) = (ArcSwap::default(), rand::random(), Mutex::default());
        Ok(Access::Accounts(Accounts { by_name, devices, key, remembered, decoy }))
    }

    /// The devices from now on; the demo's open door needs none.
    pub fn set_devices(&self, devices: Vec<Device>) {
        if let Access::Accounts(accounts) = self {
            accounts.devices.store(Arc::new(Devices::new(devices)));
        }
    }

    /// Whether an account is still what it was when its client came.
    pub(super) fn still_holds(&self, account: &Account) -> bool {
        self.named(&account.name).is_some_and(|now| *now == *account)
    }

    /// The account of a name, while it is of this issue.
    pub(super) fn issued(&self, name: &str, issue: Issue) -> Option<Arc<Account>> {
        self.named(name).filter(|account| account.issue == issue)
    }

    /// The account of a name.
    pub fn named(&self, name: &str) -> Option<Arc<Account>> {
        match self {
            Access::Open(account) => (*account.name == *name).then(|| account.clone()),
            Access::Accounts(accounts) => match accounts.by_name.get(name) {
                Some(registered) => Some(registered.account.clone()),
                None => accounts.devices.load().named(name),
            },
        }
    }

    /// Checks a name and a password in full: tens of milliseconds and 19 MiB for configured accounts, so never on an
    /// async thread.
    pub fn authenticate(&self, name: Option<&str>, password: Option<&[u8]>) -> Option<Arc<Account>> {
        match (self, name, password) {
            (Access::Open(account), _, _) => Some(account.clone()),
            (Access::Accounts(accounts), Some(name), Some(password)) => accounts.authenticate(name, password),
            (Access::Accounts(_), _, _) => None,
        }
    }

    /// The answer as far as it costs nothing.
    pub(super) fn recall(&self, name: Option<&str>, password: Option<&[u8]>) -> Recalled {
        match (self, name, password) {
            (Access::Open(account), _, _) => Recalled::Known(account.clone()),
            (Access::Accounts(accounts), Some(name), Some(password)) if valid_name(name) => {
                match accounts.recall(name, password) {
                    Some(account) => Recalled::Known(account),
                    None => Recalled::Unknown(Credentials { name: name.to_owned(), password: password.to_vec() }),
                }
            }
            (Access::Accounts(_), _, _) => Recalled::Refused,
        }
    }
}

impl Accounts {
    fn authenticate(&self, name: &str, password: &[u8]) -> Option<Arc<Account>> {
        let registered = self.by_name.get(name);
        let stored = registered.map_or(self.decoy.as_str(), |registered| &registered.password_hash);
        let hash = PasswordHash::new(stored).ok()?;
        let verified = Argon2::default().verify_password(password, &hash).is_ok();
        let registered = registered.filter(|_| verified)?;
        let digest = self.digest(name, &registered.password_hash, password);
        self.remembered.lock().insert(name.into(), digest);
        Some(registered.account.clone())
    }

    fn recall(&self, name: &str, password: &[u8]) -> Option<Arc<Account>> {
        // A device's wrong secret takes the same way as a wrong password, so that the time taken does not tell.
        let Some(registered) = self.by_name.get(name) else { return self.devices.load().verify(name, password) };
        let digest = self.digest(name, &registered.password_hash, password);
        let kept = *self.remembered.lock().get(name)?;
        // Every byte is looked at, so the time taken tells nothing of how many were right.
        let difference = kept.iter().zip(digest).fold(0, |difference, (kept, given)| difference | (kept ^ given));
        (difference == 0).then(|| registered.account.clone())
    }

    fn digest(&self, name: &str, hash: &str, password: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.key);
        for part in [name.as_bytes(), hash.as_bytes(), password] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

fn valid_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && !name.contains(|letter: char| "+#/$".contains(letter) || letter.is_control())
}

fn is_argon2id(hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some())
}

fn filters(account: &str, texts: &[String], key: &str, mistakes: &mut Vec<ConfigMistake>) -> Vec<Filter> {
    let mut filters = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match Filter::new(&text.replace("{account}", account)) {
            Some(filter) => filters.push(filter),
            None => mistakes.push(ConfigMistake::new(format!("{key}[{index}]"), "is not a topic filter")),
        }
    }
    filters
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher, SaltString};
    use argon2::{Algorithm, Params, Version};

    use super::*;

    /// A cheap argon2id hash: tests need the form, not the cost.
    fn hash(password: &str) -> String {
        let salt = SaltString::encode_b64(b"0123456789abcdef").unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        cheap.hash_password(password.as_bytes(), &salt).unwrap().to_string()
    }

    fn account(name: &str, password: &str, publish: &[&str]) -> DeviceAccount {
        DeviceAccount {
            name: name.to_owned(),
            password_hash: hash(password),
            publish: publish.iter().map(|filter| (*filter).to_owned()).collect(),
            subscribe: vec!["saola/v1/alerts/+/high".to_owned()],
        }
    }

    #[test]
    fn no_account_means_nobody() {
        let access = Access::configured(&[]).unwrap();
        assert!(access.authenticate(Some("a"), Some(b"a")).is_none());
        assert!(access.authenticate(Some(""), Some(b"")).is_none());
        assert!(access.authenticate(None, None).is_none());
    }

    #[test]
    fn only_the_right_password_opens() {
        let access = Access::configured(&[account("TR-1", "đúng", &["saola/v1/{account}/#"])]).unwrap();
        assert!(access.authenticate(Some("TR-1"), Some("sai".as_bytes())).is_none());
        assert!(access.authenticate(Some("TR-2"), Some("đúng".as_bytes())).is_none());
        assert!(access.authenticate(Some("TR-1"), None).is_none());
        let account = access.authenticate(Some("TR-1"), Some("đúng".as_bytes())).unwrap();
        assert!(account.may_publish("saola/v1/TR-1") && account.may_publish("saola/v1/TR-1/pm10"));
        assert!(!account.may_publish("saola/v1/TR-2") && !account.may_publish("$SYS/x"));
        assert!(account.may_subscribe("saola/v1/alerts/12/high"));
        assert!(!account.may_subscribe("saola/v1/alerts/+/+") && !account.may_subscribe("#"));
    }

    #[test]
    fn a_success_is_remembered_for_that_password_only() {
        let access = Access::configured(&[account("a", "right", &[])]).unwrap();
        let known = |password: &[u8]| matches!(access.recall(Some("a"), Some(password)), Recalled::Known(_));
        assert!(!known(b"right"));
        assert!(access.authenticate(Some("a"), Some(b"wrong")).is_none());
        assert!(!known(b"wrong"));
        assert!(access.authenticate(Some("a"), Some(b"right")).is_some());
        assert!(known(b"right") && !known(b"wrong") && !known(b""));
    }

    #[test]
    fn a_name_that_could_widen_a_filter_is_refused() {
        for name in ["+", "#", "a/b", "$SYS", "", "a\0", "a\n"] {
            let mistakes = Access::configured(&[account(name, "x", &["a/b"])]).unwrap_err();
            assert_eq!(mistakes[0].key, "account[0].name", "{name:?}");
            let access = Access::configured(&[account("a", "x", &[])]).unwrap();
            assert!(matches!(access.recall(Some(name), Some(b"x")), Recalled::Refused), "{name:?}");
        }
        assert!(Access::configured(&[account("trạm-đồi", "x", &["v/{account}"])]).is_ok());
    }

    #[test]
    fn two_accounts_of_one_name_are_a_mistake() {
        let mistakes = Access::configured(&[account("a", "x", &[]), account("a", "y", &[])]).unwrap_err();
        assert_eq!(mistakes[0].key, "account[1].name");
    }
}
