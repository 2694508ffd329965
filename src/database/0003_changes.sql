-- Every change of a station with its author, and where stations stood before they were moved.

CREATE TABLE station_place (
    station  INTEGER NOT NULL REFERENCES station (no),
    until    INTEGER NOT NULL,                  -- it stood here before this instant, microseconds since 1970
    lon      REAL NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat      REAL NOT NULL CHECK (lat BETWEEN -90 AND 90),
    area     TEXT,
    PRIMARY KEY (station, until)
) STRICT, WITHOUT ROWID;

CREATE TABLE station_change (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    station   INTEGER NOT NULL REFERENCES station (no),
    revision  INTEGER NOT NULL,                 -- of the station, from 1 on; a station without a change has 1
    at        INTEGER NOT NULL,
    author    TEXT NOT NULL,                    -- an account, or 'files'
    act       TEXT NOT NULL,                    -- created, changed, moved, retired, restored, undone
    before    TEXT,                             -- the definition in JSON; NULL before there was one
    after     TEXT NOT NULL,
    UNIQUE (station, revision)
) STRICT;

CREATE TRIGGER station_change_is_never_changed BEFORE UPDATE ON station_change
BEGIN SELECT RAISE(ABORT, 'a change of a station is written once and never changed'); END;
CREATE TRIGGER station_change_is_never_deleted BEFORE DELETE ON station_change
BEGIN SELECT RAISE(ABORT, 'a change of a station is written once and never deleted'); END;
