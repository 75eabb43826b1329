-- Private zones and their records: records of the usual shape.

CREATE TABLE dns_zone (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX dns_zone_by_scope ON dns_zone (account_id, region, sequence);

CREATE TABLE dns_record (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX dns_record_by_scope ON dns_record (account_id, region, sequence);
