-- Replacements of root volumes, those under way and those that are over: records of the usual shape.

CREATE TABLE replace_root_volume_task (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX replace_root_volume_task_by_scope ON replace_root_volume_task (account_id, region, sequence);
