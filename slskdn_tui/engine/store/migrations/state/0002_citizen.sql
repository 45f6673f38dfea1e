-- Issue B: what a user chose, whom he knows, what he wishes for, what was said, and how rescues and users fared.

CREATE TABLE Choices (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE People (
  username ANY PRIMARY KEY,
  relation TEXT NOT NULL CHECK (relation IN ('friend', 'banned')),
  note TEXT NOT NULL,
  since TEXT NOT NULL
) STRICT;

CREATE TABLE Messages (
  id INTEGER PRIMARY KEY,
  username ANY NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
  wall REAL NOT NULL,
  server_id INTEGER NOT NULL,
  text TEXT NOT NULL,
  read INTEGER NOT NULL
) STRICT;
CREATE INDEX Messages_user ON Messages (username, id);

CREATE TABLE Wishes (
  wish_id TEXT PRIMARY KEY,
  query TEXT NOT NULL,
  reference TEXT NOT NULL,
  filter TEXT NOT NULL,
  auto INTEGER NOT NULL,
  constraints TEXT NOT NULL,
  created_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  job_id TEXT NOT NULL,
  note TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE WishHits (
  wish_id TEXT NOT NULL REFERENCES Wishes (wish_id) ON DELETE CASCADE,
  key ANY NOT NULL,
  found_at TEXT NOT NULL,
  seen INTEGER NOT NULL,
  reply TEXT NOT NULL,
  PRIMARY KEY (wish_id, key)
) STRICT, WITHOUT ROWID;

-- What we know of Soulseek users from our own transfers; for ranking, never sent.
CREATE TABLE UserHistory (
  username ANY PRIMARY KEY,
  done INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  seconds REAL NOT NULL,
  last_at TEXT NOT NULL
) STRICT;

-- `details` is JSON: destination, and of a files job the user and folder it came from.
ALTER TABLE Jobs ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
