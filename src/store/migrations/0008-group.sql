-- Managed prefix lists, and the entries of their earlier versions.

CREATE TABLE prefix_list (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX prefix_list_by_scope ON prefix_list (account_id, region, sequence);

CREATE TABLE prefix_list_version (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX prefix_list_version_by_scope ON prefix_list_version (account_id, region, sequence);

CREATE TABLE network_acl (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX network_acl_by_scope ON network_acl (account_id, region, sequence);
-- Every VPC has a default network ACL, those that are there as well (src/ec2/network-acl/default-acl.ts).
INSERT INTO network_acl (id, account_id, region, document)
SELECT 'acl-' || substr(id, 5), account_id, region, json_object(
  'accountId', account_id, 'region', region, 'id', 'acl-' || substr(id, 5), 'vpcId', id, 'isDefault', json('true'),
  'entries', json('[
    {"ruleNumber": 100, "isEgress": true, "protocol": "-1", "action": "allow", "cidrIpv4": "0.0.0.0/0"},
    {"ruleNumber": 100, "isEgress": false, "protocol": "-1", "action": "allow", "cidrIpv4": "0.0.0.0/0"}
  ]'), 'associations', json('[]'))
FROM vpc ORDER BY sequence;
