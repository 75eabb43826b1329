-- Paths whose reachability is analysed, and the analyses: records of the usual shape.

CREATE TABLE network_insights_path (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX network_insights_path_by_scope ON network_insights_path (account_id, region, sequence);

CREATE TABLE network_insights_analysis (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account_id TEXT NOT NULL, region TEXT NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX network_insights_analysis_by_scope ON network_insights_analysis (account_id, region, sequence);
