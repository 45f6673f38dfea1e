-- What the scanner knows of a file. `stage` 0: only offered, not in a scanned folder; 1 to 4 as `model/library.py` has them. `offer`: the row is one of the offers'.
ALTER TABLE HashDb ADD COLUMN folder ANY NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN offer INTEGER NOT NULL DEFAULT 1;
ALTER TABLE HashDb ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;
ALTER TABLE HashDb ADD COLUMN scanned_at REAL NOT NULL DEFAULT 0;
ALTER TABLE HashDb ADD COLUMN scan_error TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN missing_at REAL;
ALTER TABLE HashDb ADD COLUMN identified TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN artist TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN album TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN album_artist TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN track_no INTEGER;
ALTER TABLE HashDb ADD COLUMN track_total INTEGER;
ALTER TABLE HashDb ADD COLUMN disc_no INTEGER;
ALTER TABLE HashDb ADD COLUMN disc_total INTEGER;
ALTER TABLE HashDb ADD COLUMN date TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_recording_id TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_release_id TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_release_group_id TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_track_id TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_artist_id TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN tag_acoustid TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN container TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN lossless INTEGER;
ALTER TABLE HashDb ADD COLUMN loudness_range REAL;
ALTER TABLE HashDb ADD COLUMN true_peak REAL;
ALTER TABLE HashDb ADD COLUMN clipping_runs INTEGER;
ALTER TABLE HashDb ADD COLUMN cutoff_hz INTEGER;
ALTER TABLE HashDb ADD COLUMN audio_md5 TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN md5_ok INTEGER;
ALTER TABLE HashDb ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
ALTER TABLE HashDb RENAME COLUMN transcode_reason TO quality_reasons;

-- Apart from HashDb, as digests are: 3 KB a file would make a walk over it three times as long.
ALTER TABLE HashDb DROP COLUMN audio_fingerprint;
CREATE TABLE HashDbFingerprints (
  path ANY PRIMARY KEY REFERENCES HashDb (path) ON DELETE CASCADE,
  audio_fingerprint TEXT NOT NULL,
  duration INTEGER
) STRICT;

-- One for each sort that is offered, for what is still to be done, and for albums.
CREATE INDEX HashDb_stage ON HashDb (stage, path) WHERE stage > 0;
CREATE INDEX HashDb_folder ON HashDb (folder, path) WHERE stage > 0;
CREATE INDEX HashDb_by_name ON HashDb (sort_name, path) WHERE stage > 0;
CREATE INDEX HashDb_by_quality ON HashDb (coalesce(quality_score, -1.0), path) WHERE stage > 0;
CREATE INDEX HashDb_by_bitrate ON HashDb (coalesce(bitrate, -1), path) WHERE stage > 0;
CREATE INDEX HashDb_by_range ON HashDb (coalesce(dynamic_range, -1.0), path) WHERE stage > 0;
CREATE INDEX HashDb_by_size ON HashDb (size, path) WHERE stage > 0;
CREATE INDEX HashDb_by_scan ON HashDb (scanned_at, path) WHERE stage > 0;
CREATE INDEX HashDb_release ON HashDb (mb_release_id, path) WHERE mb_release_id <> '';
CREATE INDEX HashDb_audio ON HashDb (audio_md5) WHERE audio_md5 <> '';
