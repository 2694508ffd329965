-- The ground that a station watches: JSON as in the definition of a station; NULL when nobody has said.

ALTER TABLE station ADD COLUMN footprint TEXT;
