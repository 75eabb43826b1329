-- Pipelines, as far as something is remembered of them, and their builds: records of the usual shape.

CREATE TABLE pipeline (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX pipeline_by_scope ON pipeline (account_id, region, sequence);

CREATE TABLE pipeline_build (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX pipeline_build_by_scope ON pipeline_build (account_id, region, sequence);
