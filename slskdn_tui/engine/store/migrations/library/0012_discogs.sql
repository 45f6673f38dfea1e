-- What a Discogs service said of a release, "" for nothing: it is not asked again for a while.
CREATE TABLE DiscogsLookups (
  service TEXT NOT NULL,
  mb_release_id TEXT NOT NULL,
  discogs_release_id TEXT NOT NULL,
  words TEXT NOT NULL,
  looked_at REAL NOT NULL,
  PRIMARY KEY (service, mb_release_id)
) STRICT, WITHOUT ROWID;
