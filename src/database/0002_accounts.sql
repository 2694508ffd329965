-- People and programs that may ask, their tokens, and what they did.

CREATE TABLE account (
    name           TEXT PRIMARY KEY,
    password_hash  TEXT NOT NULL,               -- argon2id, PHC string
    role           TEXT NOT NULL,               -- administrator, operator, planner, ranger
    scope          TEXT NOT NULL CHECK (scope IN ('all', 'areas')),
    created_at     INTEGER NOT NULL,            -- microseconds since 1970, as all times here
    signed_in_at   INTEGER,
    disabled_at    INTEGER                      -- NULL while enabled
) STRICT, WITHOUT ROWID;

CREATE TABLE account_area (
    account  TEXT NOT NULL REFERENCES account (name),
    area     TEXT NOT NULL,
    PRIMARY KEY (account, area)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    hash          BLOB PRIMARY KEY CHECK (length(hash) = 32),   -- SHA-256 of the token, which is kept nowhere
    account       TEXT NOT NULL REFERENCES account (name),
    label         TEXT NOT NULL,                -- what it is for; 'session' for a sign-in
    kind          TEXT NOT NULL CHECK (kind IN ('session', 'issued')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    last_used_at  INTEGER,                      -- to about ten minutes
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX token_of_account ON token (account);

CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,                     -- account, or 'command line', or 'saola' itself
    act      TEXT NOT NULL,
    subject  TEXT NOT NULL,                     -- whom or what it was done to
    detail   TEXT NOT NULL,
    origin   TEXT                               -- network address, when there was one
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is written once and never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is written once and never deleted'); END;
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the audit is written once and never replaced'); END;
