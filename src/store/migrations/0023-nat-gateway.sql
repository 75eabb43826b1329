-- NAT gateways, those that were deleted lately as well.

CREATE TABLE nat_gateway (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX nat_gateway_by_scope ON nat_gateway (account_id, region, sequence);
