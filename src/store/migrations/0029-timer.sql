-- When things are done next by the clock, so that a time that passes while no daemon runs is made up for once: records of the usual
-- shape. Pipelines had theirs in themselves.

CREATE TABLE timer (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX timer_by_scope ON timer (account_id, region, sequence);

UPDATE pipeline SET document = json_remove(document, '$.nextRunAt');
