-- Every kind of resource has one table of the same shape: its document is the record as src/ec2/ defines it,
-- `sequence` the order of creation that paging leans on.

CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE access_key (
  id TEXT PRIMARY KEY, account_id TEXT NOT NULL, secret TEXT NOT NULL, created_at TEXT NOT NULL
) STRICT;

CREATE TABLE client_token (
  account_id TEXT NOT NULL, region TEXT NOT NULL, operation TEXT NOT NULL, token TEXT NOT NULL,
  input_digest TEXT NOT NULL, output TEXT NOT NULL, created_at TEXT NOT NULL,
  PRIMARY KEY (account_id, region, operation, token)
) STRICT;
CREATE INDEX client_token_by_time ON client_token (created_at);

CREATE TABLE event (
  number INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, resource_id TEXT NOT NULL,
  message TEXT NOT NULL, detail TEXT
) STRICT;

CREATE TABLE tag (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, account_id TEXT NOT NULL, region TEXT NOT NULL, resource_id TEXT NOT NULL,
  resource_type TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (resource_id, key)
) STRICT;
CREATE INDEX tag_by_scope ON tag (account_id, region, sequence);

CREATE TABLE instance (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX instance_by_scope ON instance (account_id, region, sequence);
CREATE INDEX instance_by_state ON instance (json_extract(document, '$.state'));

CREATE TABLE volume (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX volume_by_scope ON volume (account_id, region, sequence);
CREATE INDEX volume_by_state ON volume (json_extract(document, '$.state'));
CREATE INDEX volume_by_instance ON volume (json_extract(document, '$.attachment.instanceId'));
CREATE INDEX volume_by_layer ON volume (json_extract(document, '$.layerId'));
CREATE INDEX volume_by_snapshot ON volume (json_extract(document, '$.snapshotId'));

CREATE TABLE network_interface (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX network_interface_by_scope ON network_interface (account_id, region, sequence);
CREATE INDEX network_interface_by_vpc ON network_interface (json_extract(document, '$.vpcId'));
CREATE INDEX network_interface_by_subnet ON network_interface (json_extract(document, '$.subnetId'));
CREATE INDEX network_interface_by_instance ON network_interface (json_extract(document, '$.attachment.instanceId'));
-- SQLite takes NULLs as different from each other: interfaces without a public address do not collide.
CREATE UNIQUE INDEX network_interface_public_ip ON network_interface (json_extract(document, '$.publicIp'));
CREATE UNIQUE INDEX network_interface_private_ip
  ON network_interface (json_extract(document, '$.subnetId'), json_extract(document, '$.privateIp'));

CREATE TABLE image (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX image_by_scope ON image (account_id, region, sequence);

CREATE TABLE snapshot (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX snapshot_by_scope ON snapshot (account_id, region, sequence);
CREATE INDEX snapshot_by_layer ON snapshot (json_extract(document, '$.layerId'));

CREATE TABLE layer (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX layer_by_scope ON layer (account_id, region, sequence);
CREATE INDEX layer_by_state ON layer (json_extract(document, '$.state'));

CREATE TABLE key_pair (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX key_pair_by_scope ON key_pair (account_id, region, sequence);
CREATE UNIQUE INDEX key_pair_name ON key_pair (account_id, region, json_extract(document, '$.name'));

CREATE TABLE security_group (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX security_group_by_scope ON security_group (account_id, region, sequence);
CREATE INDEX security_group_by_vpc ON security_group (json_extract(document, '$.vpcId'));

CREATE TABLE vpc (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX vpc_by_scope ON vpc (account_id, region, sequence);

CREATE TABLE subnet (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX subnet_by_scope ON subnet (account_id, region, sequence);
CREATE INDEX subnet_by_vpc ON subnet (json_extract(document, '$.vpcId'));

CREATE TABLE task (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX task_by_scope ON task (account_id, region, sequence);
CREATE INDEX task_by_state ON task (json_extract(document, '$.state'));

CREATE TABLE schedule (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX schedule_by_scope ON schedule (account_id, region, sequence);
