-- People who are told of alerts, how they are reached, and what they want to hear. Addresses are personal data: they
-- stand here, in the audit's place never, and in no log.

CREATE TABLE person (
    id          TEXT PRIMARY KEY,               -- 1 to 64 letters, digits, '-', '_', '.'
    name        TEXT NOT NULL,
    account     TEXT UNIQUE,                    -- the account that this person signs in with; NULL for none
    revision    INTEGER NOT NULL,               -- from 1 on
    changed_at  INTEGER NOT NULL                -- microseconds since 1970, as all times here
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
    id        TEXT PRIMARY KEY,                 -- random; deliveries name it
    person    TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    place     INTEGER NOT NULL,                 -- the order in which the person gave them
    channel   TEXT NOT NULL,                    -- mail, push, or a gateway's name
    address   TEXT NOT NULL,                    -- for push: JSON of the browser's subscription
    added_at  INTEGER NOT NULL,
    UNIQUE (person, channel, address)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_of_person ON contact (person, place);

CREATE TABLE subscription (
    person  TEXT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    wish    TEXT NOT NULL,                      -- JSON: areas, kinds, causes, severity, channels, languages, quiet hours
    PRIMARY KEY (person, place)
) STRICT, WITHOUT ROWID;
