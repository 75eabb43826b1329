-- Which version of a lifecycle policy may change something, and what its runs have done: records of the usual shape.

CREATE TABLE lifecycle_enablement (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX lifecycle_enablement_by_scope ON lifecycle_enablement (account_id, region, sequence);

CREATE TABLE lifecycle_run (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX lifecycle_run_by_scope ON lifecycle_run (account_id, region, sequence);
