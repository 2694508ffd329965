//! Accounts, tokens and the audit, through the database and back.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use saola::auth::{
    Accounts, Act, Attempt, AuthError, Caller, Deed, NewAccount, NewPassword, PasswordCost, Permission, Role, Scope,
    Session, SignIn, may,
};
use saola::database::Database;
use saola::model::{AreaId, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
const CHOSEN: &str = "con trâu đi trước cái cày";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_230_900 + seconds)
}

/// An installation with cheap hashing, an administrator `admin` and a ranger `lo` of one commune.
struct House {
    _folder: tempfile::TempDir,
    database: Arc<Database>,
    accounts: Accounts,
    admin_password: String,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let database = Arc::new(Database::open(&folder.path().join("saola.sqlite")).unwrap());
    let accounts = Accounts::over(Arc::clone(&database), PasswordCost { memory_kib: 8, passes: 1 }).unwrap();
    let admin = accounts.first_start(at(0)).unwrap().unwrap();
    let ranger = NewAccount { name: "lo".to_owned(), role: Role::Ranger, scope: commune("03388") };
    accounts.add("admin", &ranger, &NewPassword::Chosen(CHOSEN), at(0)).unwrap();
    House { _folder: folder, database, accounts, admin_password: admin.password }
}

fn commune(code: &str) -> Scope {
    Scope::Areas(BTreeSet::from([AreaId::new(code)]))
}

impl House {
    fn try_in(&self, name: &str, password: &str, now: Timestamp) -> SignIn {
        let origin = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        self.accounts.sign_in(&Attempt { name, password, origin }, now, 12 * HOUR).unwrap()
    }

    fn signed_in(&self, name: &str, password: &str, now: Timestamp) -> Session {
        match self.try_in(name, password, now) {
            SignIn::In(session) => session,
            other => panic!("{name} is not let in: {other:?}"),
        }
    }

    fn caller(&self, token: &str, now: Timestamp) -> Option<Caller> {
        self.accounts.caller(token, now).unwrap()
    }

    /// The audit as `actor act subject`.
    fn audit(&self) -> Vec<String> {
        let records = self.accounts.audit().records(0, 1_000).unwrap();
        records.iter().map(|record| format!("{} {} {}", record.actor, record.act, record.subject)).collect()
    }
}

#[test]
fn the_first_start_makes_the_administrator_once_with_a_password_of_its_own() {
    let (first, second) = (house(), house());
    assert_ne!(first.admin_password, second.admin_password);
    assert!(first.admin_password.len() >= 20);
    assert_eq!(first.accounts.first_start(at(1)).unwrap(), None);
    let session = first.signed_in("admin", &first.admin_password, at(1));
    assert_eq!((session.caller.role, session.caller.scope), (Role::Administrator, Scope::All));
}

#[test]
fn a_session_carries_the_role_and_the_scope_and_ends() {
    let house = house();
    let session = house.signed_in(" Lo ", CHOSEN, at(10));
    let caller = house.caller(&session.token, at(11)).unwrap();
    assert_eq!(caller, Caller { name: "lo".to_owned(), role: Role::Ranger, scope: commune("03388") });
    assert!(may(&caller, Permission::ReadAlerts) && !may(&caller, Permission::ReadLedger));
    assert_eq!(house.caller(&session.token, session.expires_at), None, "expired");
    assert!(house.caller(&session.token, at(12)).is_some());
    house.accounts.revoke(&session.token, at(12)).unwrap();
    assert_eq!(house.caller(&session.token, at(13)), None, "signed out");
    house.accounts.revoke(&session.token, at(14)).unwrap();
}

#[test]
fn forged_and_damaged_tokens_stand_for_nobody() {
    let house = house();
    let token = house.signed_in("lo", CHOSEN, at(0)).token;
    let digits = token.strip_prefix("saola_").unwrap();
    let flipped = format!("saola_{}{}", if digits.starts_with('0') { "1" } else { "0" }, &digits[1..]);
    let longer = format!("{token}0");
    let spaced = format!(" {token}");
    let upper = token.to_uppercase();
    let zeros = format!("saola_{}", "0".repeat(64));
    let statement = "' OR 1=1 --";
    for forged in ["", "saola_", digits, &flipped, &longer, &spaced, &upper, &zeros, statement, "saola_\0", "đ"] {
        assert_eq!(house.caller(forged, at(1)), None, "{forged}");
    }
    assert!(house.caller(&token, at(1)).is_some());
}

#[test]
fn neither_passwords_nor_tokens_are_in_the_file() {
    let house = house();
    let session = house.signed_in("lo", CHOSEN, at(0));
    let issued = house.accounts.issue_token("admin", "lo", "phone", HOUR, at(0)).unwrap();
    house.try_in("my-secret-typed-as-a-name", "x", at(1));
    house.database.lock().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let bytes = std::fs::read(house.database.path()).unwrap();
    let secrets = [&session.token, &issued.token, &house.admin_password, CHOSEN, "my-secret-typed-as-a-name"];
    for secret in secrets {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    assert!(bytes.windows(3).any(|window| window == b"$ar" || window == b"arg"), "the hashes are there");
}

#[test]
fn wrong_names_and_wrong_passwords_are_refused_alike() {
    let house = house();
    for (name, password) in
        [("lo", "wrong"), ("lo", ""), ("nobody", CHOSEN), ("", ""), ("lo\0", CHOSEN), ("lo", &"x".repeat(1 << 20))]
    {
        assert_eq!(house.try_in(name, password, at(0)), SignIn::Refused, "{name}");
    }
    house.accounts.disable("admin", "lo", at(1)).unwrap();
    assert_eq!(house.try_in("lo", CHOSEN, at(2)), SignIn::Refused, "disabled");
    house.accounts.enable("admin", "lo", at(3)).unwrap();
    house.signed_in("lo", CHOSEN, at(4));
}

#[test]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::open(&folder.path().join("saola.sqlite")).unwrap();
    accounts.first_start(at(0)).unwrap().unwrap();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..9 {
        for (which, name) in ["admin", "nobody"].into_iter().enumerate() {
            let attempt = Attempt { name, password: "wrong wrong wrong", origin: None };
            let started = Instant::now();
            assert_eq!(accounts.sign_in(&attempt, at(round * 20), HOUR).unwrap(), SignIn::Refused);
            times[which].push(started.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("known {known:?}, unknown {unknown:?}");
    // Without the dummy hash the unknown name would take a hundredth; the rest is the noise of a busy machine.
    assert!(unknown * 2 > known && known * 2 > unknown, "known {known:?}, unknown {unknown:?}");
}

#[test]
fn the_eleventh_try_in_a_minute_is_held_back_even_with_the_right_password() {
    let house = house();
    for name in ["lo", "nobody"] {
        for second in 0..10 {
            assert_eq!(house.try_in(name, "wrong", at(second)), SignIn::Refused);
        }
        let held = house.try_in(name, CHOSEN, at(10));
        assert_eq!(held, SignIn::HeldBack { retry_after: Duration::from_secs(50) }, "{name}");
        house.try_in(name, CHOSEN, at(11));
    }
    house.signed_in("admin", &house.admin_password, at(10));
    house.signed_in("lo", CHOSEN, at(61));
    let held = house.audit().iter().filter(|line| line.contains("sign_in_held_back")).count();
    assert_eq!(held, 2, "one line a name, not one a try");
}

#[test]
fn changed_rights_hold_from_the_next_request_on() {
    let house = house();
    let token = house.signed_in("lo", CHOSEN, at(0)).token;
    house.accounts.change_role("admin", "lo", Role::Operator, &Scope::All, at(1)).unwrap();
    let caller = house.caller(&token, at(2)).unwrap();
    assert_eq!((caller.role, caller.scope), (Role::Operator, Scope::All));
    house.accounts.change_role("admin", "lo", Role::Ranger, &commune("03394"), at(3)).unwrap();
    assert_eq!(house.caller(&token, at(4)).unwrap().scope, commune("03394"));
    house.accounts.disable("admin", "lo", at(5)).unwrap();
    assert_eq!(house.caller(&token, at(6)), None);
    house.accounts.enable("admin", "lo", at(7)).unwrap();
    assert_eq!(house.caller(&token, at(8)), None, "a token that was withdrawn stays so");
    let token = house.signed_in("lo", CHOSEN, at(9)).token;
    let new = house.accounts.change_password("admin", "lo", &NewPassword::Random, at(10)).unwrap().unwrap();
    assert_eq!(house.caller(&token, at(11)), None);
    assert_eq!(house.try_in("lo", CHOSEN, at(12)), SignIn::Refused);
    house.signed_in("lo", &new.password, at(13));
}

#[test]
fn issued_tokens_are_listed_used_and_withdrawn() {
    let house = house();
    let issued = house.accounts.issue_token("command line", "lo", "phone\n1", 90 * 24 * HOUR, at(0)).unwrap();
    assert!(!format!("{issued:?}").contains(&issued.token));
    assert!(house.caller(&issued.token, at(89 * 86_400)).is_some());
    let row = house.accounts.tokens("lo").unwrap().remove(0);
    assert_eq!((row.label.as_str(), row.last_used_at), ("phone1", Some(at(89 * 86_400))));
    house.caller(&issued.token, at(89 * 86_400 + 60));
    assert_eq!(house.accounts.tokens("lo").unwrap()[0].last_used_at, Some(at(89 * 86_400)), "coarse");
    house.accounts.revoke_token("admin", &row.id, at(1)).unwrap();
    assert_eq!(house.caller(&issued.token, at(2)), None);
    assert!(matches!(house.accounts.revoke_token("admin", &row.id, at(3)), Err(AuthError::NoSuchToken(_))));
    assert!(matches!(house.accounts.revoke_token("admin", "%", at(3)), Err(AuthError::NoSuchToken(_))));
    assert!(matches!(house.accounts.issue_token("admin", "x", "", HOUR, at(3)), Err(AuthError::NoSuchAccount(_))));
}

#[test]
fn wrong_accounts_are_refused_with_a_sentence() {
    let house = house();
    let add = |name: &str, password: &str| {
        let new = NewAccount { name: name.to_owned(), role: Role::Planner, scope: Scope::All };
        house.accounts.add("admin", &new, &NewPassword::Chosen(password), at(0)).unwrap_err().to_string()
    };
    assert!(add("lo", CHOSEN).contains("already"));
    for name in ["", "Lo", "saola", "a b", "đ", "-x", &"x".repeat(65)] {
        assert!(add(name, CHOSEN).contains("cannot be an account's name"), "{name}");
    }
    for weak in ["short", "passwordpassword", "planner-x-planner"] {
        assert!(add("planner", weak).contains("a password"), "{weak}");
    }
    let Err(AuthError::LastAdministrator(_)) = house.accounts.disable("admin", "admin", at(0)) else { panic!() };
    let demote = house.accounts.change_role("admin", "admin", Role::Planner, &Scope::All, at(0));
    assert!(matches!(demote, Err(AuthError::LastAdministrator(_))));
    house.signed_in("admin", &house.admin_password, at(1));
    assert_eq!(house.accounts.list().unwrap().len(), 2);
}

#[test]
fn every_act_and_every_refusal_is_in_the_audit_and_stays_there() {
    let house = house();
    let session = house.signed_in("lo", CHOSEN, at(1));
    house.try_in("lo", "wrong", at(2));
    house.try_in("nobody", "wrong", at(2));
    house
        .accounts
        .record_access_refused(&session.caller, Permission::Administer, "/api/v1/rules", None, at(3))
        .unwrap();
    house.accounts.issue_token("command line", "lo", "phone", HOUR, at(4)).unwrap();
    house.accounts.change_role("admin", "lo", Role::Planner, &Scope::All, at(5)).unwrap();
    house.accounts.revoke(&session.token, at(6)).unwrap();
    house.accounts.disable("admin", "lo", at(7)).unwrap();
    let replay =
        Deed { actor: "lo", act: Act::DeadLetterReplayed, subject: "17", detail: "a\u{202e}\nb", origin: None };
    house.accounts.audit().record(&replay, at(8)).unwrap();
    let expected = [
        "saola account_added admin",
        "admin account_added lo",
        "lo signed_in lo",
        "lo sign_in_refused lo",
        "nobody sign_in_refused nobody",
        "lo access_refused /api/v1/rules",
        "command line token_issued lo",
        "admin account_changed lo",
        "lo signed_out lo",
        "admin account_disabled lo",
        "lo dead_letter_replayed 17",
    ];
    assert_eq!(house.audit(), expected);
    let records = house.accounts.audit().records(2, 1).unwrap();
    assert_eq!((records[0].id, records[0].origin.as_deref()), (3, Some("127.0.0.1")));
    assert_eq!(house.accounts.audit().records(10, 9).unwrap()[0].detail, "a  b");
    assert_eq!(house.accounts.audit().newest().unwrap(), 11);

    let connection = house.database.lock();
    for statement in [
        "DELETE FROM audit",
        "UPDATE audit SET actor = 'x'",
        "INSERT OR REPLACE INTO audit VALUES (1, 0, 'x', 'x', 'x', 'x', NULL)",
        "REPLACE INTO audit (id, at, actor, act, subject, detail) VALUES (3, 0, 'x', 'x', 'x', 'x')",
    ] {
        assert!(connection.execute(statement, []).is_err(), "{statement}");
    }
    drop(connection);
    assert_eq!(house.audit(), expected);
}

#[test]
fn a_failed_change_leaves_neither_change_nor_record() {
    let house = house();
    let before = house.audit();
    house.accounts.disable("admin", "admin", at(1)).unwrap_err();
    house.accounts.change_role("admin", "x", Role::Planner, &Scope::All, at(1)).unwrap_err();
    assert_eq!(house.audit(), before);
    assert!(house.accounts.list().unwrap().iter().all(|account| account.disabled_at.is_none()));
}

#[test]
fn tries_at_the_same_time_count_one_by_one() {
    let house = Arc::new(house());
    let threads: Vec<_> = (0..30)
        .map(|_| {
            let house = Arc::clone(&house);
            std::thread::spawn(move || house.try_in("lo", "wrong", at(0)))
        })
        .collect();
    let outcomes: Vec<SignIn> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == SignIn::Refused).count(), 10);
}
