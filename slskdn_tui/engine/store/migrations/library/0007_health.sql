-- What the doctor saw. A file's two ends are looked at once, until its stamp changes or a later version looks at more.
CREATE TABLE HealthProbes (
  path ANY PRIMARY KEY,
  mtime_ns INTEGER NOT NULL,
  size INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  version INTEGER NOT NULL,
  damage TEXT NOT NULL
) STRICT;

-- One run's issues; those of a run that has not ended are not shown.
CREATE TABLE HealthIssues (
  run INTEGER NOT NULL,
  rank TEXT NOT NULL,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  path ANY NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE INDEX HealthIssues_rank ON HealthIssues (run, rank);

CREATE TABLE HealthRuns (
  run INTEGER PRIMARY KEY,
  checked_at REAL NOT NULL,
  files INTEGER NOT NULL
) STRICT;
