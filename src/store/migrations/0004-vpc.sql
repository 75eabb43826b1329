CREATE TABLE internet_gateway (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX internet_gateway_by_scope ON internet_gateway (account_id, region, sequence);

CREATE TABLE route_table (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX route_table_by_scope ON route_table (account_id, region, sequence);

CREATE TABLE dhcp_options (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX dhcp_options_by_scope ON dhcp_options (account_id, region, sequence);

CREATE TABLE address (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX address_by_scope ON address (account_id, region, sequence);
CREATE UNIQUE INDEX address_public_ip ON address (json_extract(document, '$.publicIp'));
