-- state.db: what cannot be rebuilt. Columns typed ANY hold paths, which are text, or bytes where a name is not valid Unicode.

CREATE TABLE Jobs (
  job_id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  release TEXT NOT NULL,
  constraints TEXT NOT NULL,
  state TEXT NOT NULL,
  queue_position INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  finished_at TEXT NOT NULL,
  error TEXT NOT NULL,
  folder ANY NOT NULL
) STRICT;

CREATE TABLE Tracks (
  job_id TEXT NOT NULL REFERENCES Jobs (job_id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  state TEXT NOT NULL,
  username ANY NOT NULL,
  path ANY NOT NULL,
  size INTEGER NOT NULL,
  placed ANY NOT NULL,
  reason TEXT NOT NULL,
  blake3 TEXT NOT NULL,
  PRIMARY KEY (job_id, position)
) STRICT, WITHOUT ROWID;

-- One row a partial file. Digests and bitmap pages have tables of their own, so that a commit rewrites a few hundred bytes.
CREATE TABLE Transfers (
  key TEXT PRIMARY KEY,
  path ANY NOT NULL,
  size INTEGER NOT NULL,
  prefix INTEGER NOT NULL,
  extents TEXT NOT NULL,
  variant TEXT,
  bitmap_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE TransferDigests (
  key TEXT PRIMARY KEY REFERENCES Transfers (key) ON DELETE CASCADE,
  digests BLOB NOT NULL
) STRICT;

CREATE TABLE TransferPages (
  key TEXT NOT NULL REFERENCES Transfers (key) ON DELETE CASCADE,
  page INTEGER NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (key, page)
) STRICT, WITHOUT ROWID;

CREATE TABLE SearchGate (
  wall REAL NOT NULL,
  query ANY NOT NULL
) STRICT;
CREATE INDEX SearchGate_wall ON SearchGate (wall);

CREATE TABLE Peers (
  peer_id ANY PRIMARY KEY,
  plane TEXT NOT NULL,
  last_seen TEXT NOT NULL,
  local_reputation REAL NOT NULL,
  successful_chunks INTEGER NOT NULL,
  failed_chunks INTEGER NOT NULL,
  timeouts INTEGER NOT NULL,
  corrupt_chunks INTEGER NOT NULL,
  recent BLOB NOT NULL,
  last_request TEXT NOT NULL,
  blocked INTEGER NOT NULL,
  block_reason TEXT NOT NULL,
  address TEXT NOT NULL
) STRICT;

CREATE TABLE HashDbState (
  key TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;

CREATE TABLE LedgerDays (
  day TEXT NOT NULL,
  plane TEXT NOT NULL CHECK (plane IN ('slsk', 'mesh')),
  direction TEXT NOT NULL CHECK (direction IN ('up', 'down')),
  peer_id ANY NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (day, plane, direction, peer_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE DhtNodes (
  node_id BLOB PRIMARY KEY,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  last_seen REAL NOT NULL
) STRICT, WITHOUT ROWID;
