-- Digests that are refused leave in parts.

ALTER TABLE message ADD COLUMN root INTEGER;    -- the digest that was refused first, where this is a part of it
ALTER TABLE delivery ADD COLUMN part INTEGER;   -- the refused digest in whose second half it waits

CREATE INDEX message_of_root ON message (root, id) WHERE root IS NOT NULL;

-- Old notices and messages are looked for by their time.
CREATE INDEX notice_at ON notice (at);
CREATE INDEX message_finished ON message (finished_at) WHERE finished_at IS NOT NULL;
