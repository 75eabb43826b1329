-- Flow logs: records of the usual shape.

CREATE TABLE flow_log (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX flow_log_by_scope ON flow_log (account_id, region, sequence);
