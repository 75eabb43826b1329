-- Placement groups, associations of instance profiles and event windows: records of the usual shape.

CREATE TABLE placement_group (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX placement_group_by_scope ON placement_group (account_id, region, sequence);
CREATE UNIQUE INDEX placement_group_name ON placement_group (account_id, region, json_extract(document, '$.name'));

CREATE TABLE profile_association (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX profile_association_by_scope ON profile_association (account_id, region, sequence);
CREATE UNIQUE INDEX profile_association_instance ON profile_association (json_extract(document, '$.instanceId'));

CREATE TABLE event_window (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX event_window_by_scope ON event_window (account_id, region, sequence);
