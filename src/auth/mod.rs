//! Who may do what, and where: roles times areas, decided in one place ([`may`]), and the accounts behind them.
//!
//! Passwords are kept as argon2id, tokens as SHA-256 of 256 random bits; neither can be read back. Everything that an
//! account or a person at the command line does to accounts is in the audit, in the same transaction as the act.
//! Denied by default: an unknown role or area sees nothing.
//!
//! Everything here blocks (argon2id for tens of milliseconds, SQLite for a disk write): the API calls it on blocking
//! threads. Left out on purpose: signed tokens of our own (nothing to forge), groups, and second factors (later).

mod accounts;
mod audit;
mod devices;
mod password;
mod role;
mod said;
mod session;
mod throttle;
mod token;

pub use accounts::{Account, Accounts, AuthError, NewAccount, NewPassword, WithPassword};
pub use audit::{Act, Audit, Deed, Found, Record, Wanted, write as record_within};
pub use devices::{By, DeviceRow, Devices};
pub use password::PasswordCost;
pub use role::{Caller, Permission, Role, Scope, may};
pub use session::{Attempt, Session, SignIn};
pub use token::{IssuedToken, TokenRow, source_token};
