-- Sessions that outlive their connections, what waits for them, retained messages and wills. Times are microseconds
-- since 1970. Numbers of sessions and messages are given out by the edge and never used twice in one file.

CREATE TABLE session (
    no        INTEGER PRIMARY KEY,
    client    TEXT NOT NULL UNIQUE,
    account   TEXT NOT NULL,
    expiry_s  INTEGER NOT NULL,                 -- how long it is kept after its client has left
    left_at   INTEGER                           -- NULL while the client is connected
) STRICT;

CREATE TABLE subscription (
    session       INTEGER NOT NULL REFERENCES session (no) ON DELETE CASCADE,
    filter        TEXT NOT NULL,
    qos           INTEGER NOT NULL CHECK (qos IN (0, 1)),
    as_published  INTEGER NOT NULL CHECK (as_published IN (0, 1)),
    replaying     INTEGER NOT NULL CHECK (replaying IN (0, 1)),   -- its retained messages have not all been sent
    PRIMARY KEY (session, filter)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    no          INTEGER PRIMARY KEY,
    topic       TEXT NOT NULL,
    payload     BLOB NOT NULL,
    expires_at  INTEGER,                        -- not delivered any more from then on
    is_command  INTEGER NOT NULL CHECK (is_command IN (0, 1))
) STRICT;

CREATE TABLE queued (
    session    INTEGER NOT NULL REFERENCES session (no) ON DELETE CASCADE,
    no         INTEGER NOT NULL,                -- order within the session
    message    INTEGER NOT NULL REFERENCES message (no),
    retain     INTEGER NOT NULL CHECK (retain IN (0, 1)),
    packet_id  INTEGER CHECK (packet_id BETWEEN 1 AND 65535),     -- sent with it and not acknowledged
    PRIMARY KEY (session, no)
) STRICT, WITHOUT ROWID;

CREATE INDEX queued_message ON queued (message);

-- A message is kept once, for all sessions that wait for it, and goes with the last of them.
CREATE TRIGGER message_goes_with_its_last_reader AFTER DELETE ON queued
WHEN NOT EXISTS (SELECT 1 FROM queued WHERE message = OLD.message)
BEGIN DELETE FROM message WHERE no = OLD.message; END;

CREATE TABLE received (
    session      INTEGER NOT NULL REFERENCES session (no) ON DELETE CASCADE,
    packet_id    INTEGER NOT NULL CHECK (packet_id BETWEEN 1 AND 65535),
    received_at  INTEGER NOT NULL,
    taken        INTEGER NOT NULL CHECK (taken IN (0, 1)),        -- its message is in the journal, on disk
    PRIMARY KEY (session, packet_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE retained (
    topic       TEXT PRIMARY KEY,
    payload     BLOB NOT NULL,
    expires_at  INTEGER,
    is_command  INTEGER NOT NULL CHECK (is_command IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE will (
    no       INTEGER PRIMARY KEY,
    client   TEXT NOT NULL,
    account  TEXT NOT NULL,
    topic    TEXT NOT NULL,
    payload  BLOB NOT NULL,
    delay_s  INTEGER NOT NULL,
    due_at   INTEGER                            -- NULL while its client is connected
) STRICT;
