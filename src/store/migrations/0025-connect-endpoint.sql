-- EC2 Instance Connect Endpoints, those that were deleted lately as well.

CREATE TABLE connect_endpoint (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX connect_endpoint_by_scope ON connect_endpoint (account_id, region, sequence);
