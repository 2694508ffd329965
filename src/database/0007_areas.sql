-- Since when and until when areas are in force, and what the forest's units are. A geometry may be GeoJSON's null: of a
-- former area whose polygon nobody has.

ALTER TABLE area ADD COLUMN valid_from TEXT;                       -- civil date; NULL from the beginning
ALTER TABLE area ADD COLUMN valid_to TEXT;                         -- first date on which it is not in force any more
ALTER TABLE area ADD COLUMN successors TEXT NOT NULL DEFAULT '';   -- codes with commas between
ALTER TABLE area ADD COLUMN forest_type TEXT;                      -- special_use, protection, production
ALTER TABLE area ADD COLUMN owner TEXT;
ALTER TABLE area ADD COLUMN invented INTEGER NOT NULL DEFAULT 0 CHECK (invented IN (0, 1));
