-- Recordings that the warm cache does not ask Soulseek for until then (Unix seconds): their fetch failed, or they were let go.
CREATE TABLE CacheRests (
  mb_recording_id TEXT PRIMARY KEY,
  rests_until REAL NOT NULL
) STRICT, WITHOUT ROWID;
