-- Peering connections of VPCs: records of the usual shape, in the requester's account and region.

CREATE TABLE vpc_peering_connection (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX vpc_peering_connection_by_scope ON vpc_peering_connection (account_id, region, sequence);

-- Both owners of a peering connection put their own tags on it: a key is one of a resource in an account and region.
CREATE TABLE tag_of_scope (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL, region TEXT NOT NULL, resource_id TEXT NOT NULL,
  resource_type TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, record_table TEXT, record_sequence INTEGER,
  UNIQUE (resource_id, key, account_id, region)
) STRICT;
INSERT INTO tag_of_scope (sequence, account_id, region, resource_id, resource_type, key, value, record_table, record_sequence)
  SELECT sequence, account_id, region, resource_id, resource_type, key, value, record_table, record_sequence FROM tag;
DROP TABLE tag;
ALTER TABLE tag_of_scope RENAME TO tag;
CREATE INDEX tag_by_scope ON tag (account_id, region, sequence);
CREATE INDEX tag_value_of_record ON tag (record_table, key, value, account_id, region, record_sequence);
CREATE INDEX tag_key_of_record ON tag (record_table, key, account_id, region, record_sequence, value);
CREATE INDEX tag_by_key ON tag (key, account_id, region);
CREATE INDEX tag_by_value ON tag (value, account_id, region);
CREATE INDEX tag_by_type ON tag (resource_type, account_id, region);
