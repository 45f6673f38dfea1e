-- What each album of the library was found to be; `input` is a digest of what was known of its files then.
CREATE TABLE AlbumMatches (
  album ANY PRIMARY KEY,
  folder ANY NOT NULL,
  input TEXT NOT NULL,
  class TEXT NOT NULL,
  mb_release_id TEXT NOT NULL,
  title TEXT NOT NULL,
  identified TEXT NOT NULL,
  words TEXT NOT NULL,
  discogs_release_id TEXT NOT NULL,
  files TEXT NOT NULL,
  matched_at REAL NOT NULL
) STRICT;
CREATE INDEX AlbumMatches_folder ON AlbumMatches (folder);
CREATE INDEX AlbumMatches_class ON AlbumMatches (class, folder, album);

CREATE TABLE AcoustIdCache (
  key TEXT PRIMARY KEY,
  json TEXT NOT NULL,
  fetched_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX AcoustIdCache_age ON AcoustIdCache (fetched_at);

ALTER TABLE Release ADD COLUMN discogs_release_id TEXT NOT NULL DEFAULT '';
