-- Ids of images that were deregistered lately: a record of the usual shape.

CREATE TABLE deregistered_image (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX deregistered_image_by_scope ON deregistered_image (account_id, region, sequence);
