-- Recordings that peers asked a cache for, and those of them it had.
ALTER TABLE CacheDays ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE CacheDays ADD COLUMN answered INTEGER NOT NULL DEFAULT 0;
