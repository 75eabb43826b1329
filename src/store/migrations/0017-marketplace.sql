-- Who has accepted the licence of which marketplace product: a record of the usual shape, in the region aws-global.

CREATE TABLE marketplace_subscription (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX marketplace_subscription_by_scope ON marketplace_subscription (account_id, region, sequence);
