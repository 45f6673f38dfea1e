-- What `slskdn stats` counts that nothing else keeps. `subject` is a job's id, or empty where only the number of times matters.
CREATE TABLE Usage (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  times INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
