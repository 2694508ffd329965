-- What is to be told to whom, and what became of it. Times are microseconds since 1970.

-- How far the journal has been looked through: written in the same transaction as what came of it.
CREATE TABLE checkpoint (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    seq     INTEGER NOT NULL,
    secret  BLOB NOT NULL CHECK (length(secret) = 32)   -- tokens of deliveries are made with it
) STRICT;

-- A transition or an escalation that somebody is told of.
CREATE TABLE notice (
    id      INTEGER PRIMARY KEY,
    seq     INTEGER NOT NULL,                   -- the journal's entry
    number  INTEGER NOT NULL,                   -- which one of that entry
    alert   TEXT NOT NULL,
    ends    INTEGER NOT NULL CHECK (ends IN (0, 1)),    -- whether the alert is over with it
    step    INTEGER NOT NULL,                   -- of an escalation; 0 for the alert itself
    at      INTEGER NOT NULL,
    facts   TEXT NOT NULL,                      -- JSON: what is said
    UNIQUE (seq, number)
) STRICT;

CREATE INDEX notice_of_alert ON notice (alert);

-- What leaves: one delivery, or a digest of many. Made before it leaves, so that it can be repeated as it was.
CREATE TABLE message (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key          TEXT NOT NULL UNIQUE,
    lane         TEXT NOT NULL,
    members      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    in_flight    INTEGER NOT NULL CHECK (in_flight IN (0, 1)),
    unsure       INTEGER NOT NULL CHECK (unsure IN (0, 1)),     -- an attempt ended without a word: it may have arrived
    next_at      INTEGER NOT NULL,
    begun_at     INTEGER NOT NULL,              -- the last attempt
    finished_at  INTEGER,
    error        TEXT,
    text         TEXT,                          -- as it was said in full
    sent_text    TEXT                           -- as it left, where that is shorter
) STRICT;

-- At most one message of a lane is under way.
CREATE UNIQUE INDEX message_under_way ON message (lane) WHERE finished_at IS NULL;
CREATE INDEX message_of_lane ON message (lane, begun_at);

CREATE TABLE delivery (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    key              TEXT NOT NULL UNIQUE,      -- of alert, entry, recipient and channel: the same after a replay
    notice           INTEGER NOT NULL REFERENCES notice (id),
    alert            TEXT NOT NULL,
    kind             TEXT NOT NULL,
    recipient        TEXT NOT NULL,             -- a person, or a declared machine
    lane             TEXT NOT NULL,             -- the contact: what goes there goes in order
    channel          TEXT NOT NULL,
    languages        TEXT NOT NULL,             -- vi, en
    state            TEXT NOT NULL CHECK
        (state IN ('queued', 'sent', 'delivered', 'seen', 'acknowledged', 'failed', 'withdrawn')),
    not_before       INTEGER NOT NULL,
    digest           INTEGER NOT NULL CHECK (digest IN (0, 1)), -- it has waited through quiet hours for a digest
    message          INTEGER REFERENCES message (id),           -- once it is under way
    queued_at        INTEGER NOT NULL,
    sent_at          INTEGER,
    delivered_at     INTEGER,
    seen_at          INTEGER,
    acknowledged_at  INTEGER,
    failed_at        INTEGER,
    failure_told     INTEGER NOT NULL DEFAULT 0 CHECK (failure_told IN (0, 1)),
    error            TEXT
) STRICT;

CREATE INDEX delivery_waiting ON delivery (lane, id) WHERE state = 'queued' AND message IS NULL;
CREATE INDEX delivery_of_alert ON delivery (alert);
CREATE INDEX delivery_of_message ON delivery (message) WHERE message IS NOT NULL;
CREATE INDEX delivery_of_notice ON delivery (notice);
CREATE INDEX delivery_by_state ON delivery (state, id);
CREATE INDEX delivery_failure ON delivery (id) WHERE state = 'failed' AND failure_told = 0;
