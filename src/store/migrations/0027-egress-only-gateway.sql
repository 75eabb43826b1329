-- Ways to the internet for IPv6 that only guests open: records of the usual shape.

CREATE TABLE egress_only_gateway (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX egress_only_gateway_by_scope ON egress_only_gateway (account_id, region, sequence);
