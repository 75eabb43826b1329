-- Whose resource an event is about. Those of an earlier Kiln, which had one account, do not say.

ALTER TABLE event ADD COLUMN account_id TEXT;
