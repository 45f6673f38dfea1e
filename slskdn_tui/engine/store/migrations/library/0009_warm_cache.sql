-- The warm cache: what it holds and what its bytes are (made again from the disk when this is lost). Times are Unix seconds.
CREATE TABLE CacheFiles (
  mb_recording_id TEXT PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  mtime_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  codec TEXT NOT NULL,
  codec_profile TEXT NOT NULL,
  duration_ms INTEGER,
  streaminfo TEXT NOT NULL,
  variant_id TEXT NOT NULL,
  region_id TEXT,
  region_start INTEGER NOT NULL,
  region_length INTEGER NOT NULL,
  digests BLOB NOT NULL,
  region_digests BLOB NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  artist TEXT NOT NULL DEFAULT '',
  consensus TEXT NOT NULL DEFAULT '',
  added_at REAL NOT NULL DEFAULT 0,
  used_at REAL NOT NULL DEFAULT 0,
  hits INTEGER NOT NULL DEFAULT 0,
  bytes_served INTEGER NOT NULL DEFAULT 0
) STRICT;

-- "What do so many voices want?"
CREATE INDEX MbidPopularity_voices ON MbidPopularity (peer_count + stranger_count DESC);
