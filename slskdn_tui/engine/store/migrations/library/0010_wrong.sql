-- Wrong chunks and who was found out by them are few among millions of rows: `slskdn stats` adds them up.
CREATE INDEX JobTraces_wrong ON JobTraces (kind, chunk_length) WHERE kind = 'ban' OR result = 'corruption';
