-- The labels MusicBrainz lists of a release, in its order; mb_label_id is '' of one it has no id of. Spellings that nodes tell are folded by it.
CREATE TABLE ReleaseLabels (
  mb_release_id TEXT NOT NULL,
  label_key TEXT NOT NULL,
  label_name TEXT NOT NULL,
  mb_label_id TEXT NOT NULL,
  place INTEGER NOT NULL,
  PRIMARY KEY (mb_release_id, label_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ReleaseLabels_label ON ReleaseLabels (mb_label_id) WHERE mb_label_id <> '';
