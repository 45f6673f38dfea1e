-- Where a variant's leaves begin in the file, and the BLAKE3 of the bytes before them: 0 and empty for a variant of the whole file.
ALTER TABLE Transfers ADD COLUMN region_start INTEGER NOT NULL DEFAULT 0;
ALTER TABLE Transfers ADD COLUMN region_head TEXT NOT NULL DEFAULT '';
