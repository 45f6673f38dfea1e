-- The audio region of a file, hashed beside the whole: NULL until a scan has looked for it, '' where there is none.
ALTER TABLE HashDb ADD COLUMN region_id TEXT;
ALTER TABLE HashDb ADD COLUMN region_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE HashDb ADD COLUMN region_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE HashDbDigests ADD COLUMN region_digests BLOB NOT NULL DEFAULT x'';
