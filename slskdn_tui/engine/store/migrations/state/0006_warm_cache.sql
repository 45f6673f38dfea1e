-- The warm cache: what the user pinned, and what it did on each UTC day (YYYY-MM-DD).
CREATE TABLE CachePins (
  mb_recording_id TEXT PRIMARY KEY,
  pinned_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE CacheDays (
  day TEXT PRIMARY KEY,
  hits INTEGER NOT NULL,
  bytes_served INTEGER NOT NULL,
  fetched INTEGER NOT NULL,
  bytes_fetched INTEGER NOT NULL,
  evicted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
