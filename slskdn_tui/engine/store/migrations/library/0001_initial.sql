-- library.db: what can be rebuilt by a scan, a look-up or another job. Columns typed ANY hold paths: text, or bytes where a name is not valid Unicode.

CREATE TABLE HashDb (
  path ANY PRIMARY KEY,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  mb_recording_id TEXT NOT NULL,
  mb_release_id TEXT,
  discogs_release_id TEXT,
  audio_fingerprint BLOB,
  codec TEXT NOT NULL,
  codec_profile TEXT NOT NULL,
  duration_ms INTEGER,
  streaminfo TEXT NOT NULL,
  variant_id TEXT NOT NULL,
  download INTEGER NOT NULL,
  quality_score REAL,
  transcode_suspect INTEGER,
  transcode_reason TEXT,
  bitrate INTEGER,
  sample_rate INTEGER,
  bit_depth INTEGER,
  channels INTEGER,
  dynamic_range REAL,
  loudness_lufs REAL,
  has_clipping INTEGER,
  encoder_signature TEXT
) STRICT;
CREATE INDEX HashDb_recording ON HashDb (mb_recording_id) WHERE mb_recording_id <> '';
CREATE INDEX HashDb_variant ON HashDb (variant_id) WHERE variant_id <> '';

-- Apart from HashDb: 20 KB a file would make every walk over it a walk over gigabytes.
CREATE TABLE HashDbDigests (
  path ANY PRIMARY KEY REFERENCES HashDb (path) ON DELETE CASCADE,
  digests BLOB NOT NULL
) STRICT;

CREATE TABLE Release (
  mb_release_id TEXT PRIMARY KEY,
  mb_release_group_id TEXT NOT NULL,
  title TEXT NOT NULL,
  artist TEXT NOT NULL,
  mb_artist_id TEXT NOT NULL,
  date TEXT NOT NULL,
  country TEXT NOT NULL,
  status TEXT NOT NULL,
  label TEXT NOT NULL,
  formats TEXT NOT NULL,
  disc_count INTEGER NOT NULL,
  disambiguation TEXT NOT NULL
) STRICT;
CREATE INDEX Release_group ON Release (mb_release_group_id);

CREATE TABLE Recording (
  mb_recording_id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  artist TEXT NOT NULL,
  duration_ms INTEGER
) STRICT;

CREATE TABLE TrackInRelease (
  mb_release_id TEXT NOT NULL REFERENCES Release (mb_release_id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  disc INTEGER NOT NULL,
  track_no INTEGER NOT NULL,
  mb_recording_id TEXT NOT NULL,
  title TEXT NOT NULL,
  artist TEXT NOT NULL,
  duration_ms INTEGER,
  PRIMARY KEY (mb_release_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX TrackInRelease_recording ON TrackInRelease (mb_recording_id);

CREATE TABLE MbCache (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL,
  fetched_at REAL NOT NULL
) STRICT;
CREATE INDEX MbCache_age ON MbCache (fetched_at);

CREATE TABLE JobTraces (
  seq INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL,
  time REAL NOT NULL,
  kind TEXT NOT NULL,
  track_id INTEGER NOT NULL,
  peer_id TEXT NOT NULL,
  source TEXT NOT NULL,
  variant_id TEXT NOT NULL,
  chunk_offset INTEGER NOT NULL,
  chunk_length INTEGER NOT NULL,
  result TEXT NOT NULL,
  rtt_ms REAL,
  throughput_bps REAL,
  words TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX JobTraces_job ON JobTraces (job_id, seq);
