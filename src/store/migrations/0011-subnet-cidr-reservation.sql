-- Ranges of a subnet that no address is taken from unasked: records of the usual shape.

CREATE TABLE subnet_cidr_reservation (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX subnet_cidr_reservation_by_scope ON subnet_cidr_reservation (account_id, region, sequence);
