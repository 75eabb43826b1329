-- Faults that somebody wants to see, while they last.

CREATE TABLE fault (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX fault_by_scope ON fault (account_id, region, sequence);
