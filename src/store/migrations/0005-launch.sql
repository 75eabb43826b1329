-- Launch templates with their versions, spot requests and fleets: records of the usual shape.

CREATE TABLE launch_template (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX launch_template_by_scope ON launch_template (account_id, region, sequence);

CREATE TABLE launch_template_version (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX launch_template_version_by_scope ON launch_template_version (account_id, region, sequence);

CREATE TABLE spot_request (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX spot_request_by_scope ON spot_request (account_id, region, sequence);

CREATE TABLE fleet (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX fleet_by_scope ON fleet (account_id, region, sequence);
