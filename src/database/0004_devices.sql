-- Devices that publish by MQTT with credentials of their own, each for its stations.

CREATE TABLE device (
    name         TEXT PRIMARY KEY,
    secret_hash  BLOB NOT NULL CHECK (length(secret_hash) = 32),  -- SHA-256 of the secret, which is kept nowhere
    issued_at    INTEGER NOT NULL,              -- microseconds since 1970
    revoked_at   INTEGER                        -- NULL while it may connect
) STRICT, WITHOUT ROWID;

CREATE TABLE device_station (
    device   TEXT NOT NULL REFERENCES device (name),
    station  TEXT NOT NULL,                     -- identifier of a station
    PRIMARY KEY (device, station)
) STRICT, WITHOUT ROWID;

-- Grows with every change, so that a running service notices what the command line did.
CREATE TABLE device_version (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    version  INTEGER NOT NULL
) STRICT;

INSERT INTO device_version VALUES (1, 0);
