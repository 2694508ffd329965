-- Stations, channels, areas and sources. Numbers are handed out once, dense from 0: no row that carries one is ever
-- deleted or renumbered, and the triggers below hold even a careless hand with a SQL shell to that.

CREATE TABLE source (
    no    INTEGER PRIMARY KEY CHECK (no BETWEEN 0 AND 65535),
    name  TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE area (
    id         TEXT PRIMARY KEY,
    level      TEXT NOT NULL,                       -- province, commune
    name_vi    TEXT NOT NULL,
    name_en    TEXT NOT NULL,
    parent     TEXT,                                -- id of the area that contains it
    label_lon  REAL NOT NULL,                       -- WGS 84, degrees: where its name is written on a map
    label_lat  REAL NOT NULL,
    geometry   TEXT NOT NULL                        -- GeoJSON Polygon or MultiPolygon
) STRICT, WITHOUT ROWID;

CREATE TABLE station (
    no           INTEGER PRIMARY KEY CHECK (no >= 0),
    id           TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    name_vi      TEXT NOT NULL,
    name_en      TEXT NOT NULL,
    lon          REAL NOT NULL CHECK (lon BETWEEN -180 AND 180),
    lat          REAL NOT NULL CHECK (lat BETWEEN -90 AND 90),
    area         TEXT,
    maintenance  INTEGER NOT NULL CHECK (maintenance IN (0, 1)),
    origin       TEXT NOT NULL,                     -- files: retired when gone from them; program: declared by code
    retired_at   INTEGER                            -- microseconds since 1970; NULL while in service
) STRICT;

CREATE TABLE channel (
    no               INTEGER PRIMARY KEY CHECK (no >= 0),
    station          INTEGER NOT NULL REFERENCES station (no),
    property         TEXT NOT NULL,
    unit             TEXT NOT NULL,                 -- UCUM; never changes, as the history is kept in it
    interval_micros  INTEGER NOT NULL CHECK (interval_micros > 0),
    min              REAL NOT NULL,
    max              REAL NOT NULL CHECK (max >= min),
    link             TEXT NOT NULL,
    retired_at       INTEGER,
    UNIQUE (station, property)
) STRICT;

CREATE TRIGGER source_is_kept BEFORE DELETE ON source
BEGIN SELECT RAISE(ABORT, 'a source is never deleted: the journal keeps its number'); END;
CREATE TRIGGER station_is_kept BEFORE DELETE ON station
BEGIN SELECT RAISE(ABORT, 'a station is retired, never deleted: history keeps its number'); END;
CREATE TRIGGER channel_is_kept BEFORE DELETE ON channel
BEGIN SELECT RAISE(ABORT, 'a channel is retired, never deleted: history keeps its number'); END;

CREATE TRIGGER source_keeps_its_number BEFORE UPDATE ON source
BEGIN SELECT RAISE(ABORT, 'a source keeps its number and its name'); END;
CREATE TRIGGER station_keeps_its_number BEFORE UPDATE OF no, id ON station
BEGIN SELECT RAISE(ABORT, 'a station keeps its number and its name'); END;
CREATE TRIGGER channel_keeps_its_number BEFORE UPDATE OF no, station, property, unit ON channel
BEGIN SELECT RAISE(ABORT, 'a channel keeps its number, its station, its property and its unit'); END;
