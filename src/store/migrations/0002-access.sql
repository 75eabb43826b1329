-- Access keys may be disabled, and may be for looking only.
ALTER TABLE access_key ADD COLUMN is_enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE access_key ADD COLUMN is_read_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE access_key ADD COLUMN description TEXT NOT NULL DEFAULT '';

-- Who changed what, or was refused: written in the transaction of the change itself. `entry` is the record of src/ec2/audit/.
CREATE TABLE audit (
  number INTEGER PRIMARY KEY AUTOINCREMENT, operation TEXT NOT NULL, entry TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_operation ON audit (operation, number);
