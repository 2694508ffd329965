-- Whether it may have arrived is known of every delivery by itself: what a digest is parted into keeps it.

ALTER TABLE delivery ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0 CHECK (unsure IN (0, 1)); -- a try ended without a word
UPDATE delivery SET unsure = 1 WHERE message IN (SELECT id FROM message WHERE unsure = 1);
ALTER TABLE message DROP COLUMN unsure;
