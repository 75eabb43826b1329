-- The Recycle Bin, and the rules by which what is deleted goes there: records of the usual shape.

CREATE TABLE retention_rule (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX retention_rule_by_scope ON retention_rule (account_id, region, sequence);

CREATE TABLE recycled_image (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX recycled_image_by_scope ON recycled_image (account_id, region, sequence);

CREATE TABLE recycled_snapshot (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX recycled_snapshot_by_scope ON recycled_snapshot (account_id, region, sequence);
