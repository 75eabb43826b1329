-- What a list is narrowed by (docs/adr/lists-cost-what-they-return.md). Indexes of single members are made by
-- src/store/member-index.ts from what src/store/store.ts declares; these of 0001 are superseded by them.

DROP INDEX instance_by_state;
DROP INDEX volume_by_state;
DROP INDEX volume_by_instance;
DROP INDEX volume_by_layer;
DROP INDEX volume_by_snapshot;
DROP INDEX network_interface_by_vpc;
DROP INDEX network_interface_by_subnet;
DROP INDEX network_interface_by_instance;
DROP INDEX snapshot_by_layer;
DROP INDEX layer_by_state;
DROP INDEX security_group_by_vpc;
DROP INDEX subnet_by_vpc;
DROP INDEX task_by_state;

-- One row for each value in a list of a record, such as the groups of an interface; kept by triggers.
CREATE TABLE list_member (
  table_name TEXT NOT NULL, member TEXT NOT NULL, value TEXT NOT NULL, account_id TEXT NOT NULL, region TEXT NOT NULL,
  sequence INTEGER NOT NULL, PRIMARY KEY (table_name, member, value, account_id, region, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_member_by_record ON list_member (table_name, sequence, member);

-- A tag knows its record's place in the order of creation, so that tagged records are read in that order.
ALTER TABLE tag ADD COLUMN record_table TEXT;
ALTER TABLE tag ADD COLUMN record_sequence INTEGER;
CREATE INDEX tag_value_of_record ON tag (record_table, key, value, account_id, region, record_sequence);
CREATE INDEX tag_key_of_record ON tag (record_table, key, account_id, region, record_sequence, value);
CREATE INDEX tag_by_key ON tag (key, account_id, region);
CREATE INDEX tag_by_value ON tag (value, account_id, region);
CREATE INDEX tag_by_type ON tag (resource_type, account_id, region);
UPDATE tag SET record_table = 'instance', record_sequence = (SELECT sequence FROM instance WHERE id = resource_id)
  WHERE resource_type = 'instance';
UPDATE tag SET record_table = 'image', record_sequence = (SELECT sequence FROM image WHERE id = resource_id)
  WHERE resource_type = 'image';
UPDATE tag SET record_table = 'snapshot', record_sequence = (SELECT sequence FROM snapshot WHERE id = resource_id)
  WHERE resource_type = 'snapshot';
UPDATE tag SET record_table = 'volume', record_sequence = (SELECT sequence FROM volume WHERE id = resource_id)
  WHERE resource_type = 'volume';
UPDATE tag SET record_table = 'network_interface',
    record_sequence = (SELECT sequence FROM network_interface WHERE id = resource_id)
  WHERE resource_type = 'network-interface';
UPDATE tag SET record_table = 'security_group', record_sequence = (SELECT sequence FROM security_group WHERE id = resource_id)
  WHERE resource_type = 'security-group';
UPDATE tag SET record_table = 'vpc', record_sequence = (SELECT sequence FROM vpc WHERE id = resource_id)
  WHERE resource_type = 'vpc';
UPDATE tag SET record_table = 'subnet', record_sequence = (SELECT sequence FROM subnet WHERE id = resource_id)
  WHERE resource_type = 'subnet';
UPDATE tag SET record_table = 'key_pair', record_sequence = (SELECT sequence FROM key_pair WHERE id = resource_id)
  WHERE resource_type = 'key-pair';
