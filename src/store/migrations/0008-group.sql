-- Managed prefix lists, and the entries of their earlier versions.

CREATE TABLE prefix_list (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX prefix_list_by_scope ON prefix_list (account_id, region, sequence);

CREATE TABLE prefix_list_version (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX prefix_list_version_by_scope ON prefix_list_version (account_id, region, sequence);
