-- Imports, exports, stores and restores of images, those under way and those that are over: records of the usual shape.

CREATE TABLE transfer (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX transfer_by_scope ON transfer (account_id, region, sequence);
