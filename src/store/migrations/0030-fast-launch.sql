-- Images whose launches go on from warm templates, and these templates: records of the usual shape.

CREATE TABLE fast_launch (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX fast_launch_by_scope ON fast_launch (account_id, region, sequence);

CREATE TABLE warm_template (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX warm_template_by_scope ON warm_template (account_id, region, sequence);
