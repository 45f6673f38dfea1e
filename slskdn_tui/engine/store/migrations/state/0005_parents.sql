-- Discographies and label crates: which releases, and the job of each.
CREATE TABLE ParentJobs (
  parent_id TEXT PRIMARY KEY,
  created_at TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
