-- Which issue of its account's credentials a session belongs to: the device's secret_hash, empty for a configured
-- account. NULL: a session from before this was kept; whoever has the name at the next start has it.
ALTER TABLE session ADD COLUMN issue BLOB;
