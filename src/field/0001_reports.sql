-- What people in the field reported. `answer` is NULL while it is not known what became of it: the report was begun, and
-- whoever sends it again brings it to its end.
CREATE TABLE report (
    key TEXT PRIMARY KEY,
    author TEXT NOT NULL,
    request BLOB NOT NULL,
    alert TEXT NOT NULL,
    area TEXT,
    action TEXT NOT NULL,
    said_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    photo_type TEXT,
    photo_bytes INTEGER NOT NULL DEFAULT 0,
    answer TEXT,
    is_applied INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX report_by_author ON report (author, alert, said_at);
CREATE INDEX report_by_time ON report (received_at, photo_bytes);

-- Apart, so that looking through reports does not read photos.
CREATE TABLE photo (
    key TEXT PRIMARY KEY REFERENCES report (key) ON DELETE CASCADE,
    bytes BLOB NOT NULL
) STRICT;
