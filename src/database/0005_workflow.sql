-- Who is on duty when, and the alert rules that were made by hand, with every version of them. What people say about
-- alerts has its record by the number of its entry.

ALTER TABLE audit ADD COLUMN entry INTEGER;     -- the journal's entry that says the same; NULL when none does
CREATE UNIQUE INDEX audit_by_entry ON audit (entry) WHERE entry IS NOT NULL;

CREATE TABLE duty_shift (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    role       TEXT NOT NULL,                   -- of duty: 'forest', 'operations', …
    person     TEXT NOT NULL,                   -- identifier of a person
    area       TEXT,                            -- code of an area, which stands for those inside it; NULL: everywhere
    begins_at  INTEGER NOT NULL,                -- microseconds since 1970
    ends_at    INTEGER NOT NULL CHECK (ends_at > begins_at),    -- no longer in it
    note       TEXT NOT NULL
) STRICT;

CREATE INDEX duty_shift_by_time ON duty_shift (begins_at, id);
CREATE INDEX duty_shift_by_role ON duty_shift (role, ends_at);

CREATE TABLE rule_version (
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL CHECK (version > 0),  -- from 1, without gaps; the newest is in force
    at       INTEGER NOT NULL,
    author   TEXT NOT NULL,                     -- an account
    act      TEXT NOT NULL,                     -- created, changed, enabled, disabled, restored, removed
    reason   TEXT NOT NULL,
    text     TEXT,                              -- the rule as TOML; NULL when it was removed
    PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER rule_version_is_never_changed BEFORE UPDATE ON rule_version
BEGIN SELECT RAISE(ABORT, 'a version of a rule is written once and never changed'); END;
CREATE TRIGGER rule_version_is_never_deleted BEFORE DELETE ON rule_version
BEGIN SELECT RAISE(ABORT, 'a version of a rule is written once and never deleted'); END;
