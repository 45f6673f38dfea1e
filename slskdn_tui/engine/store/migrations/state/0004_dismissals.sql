-- What a user looked at and found right: by the issue's key, which a rescan does not change. `words` and `path` say what it was.
CREATE TABLE Dismissals (
  key TEXT PRIMARY KEY,
  path ANY NOT NULL,
  words TEXT NOT NULL,
  dismissed_at TEXT NOT NULL
) STRICT;
