-- The private addresses that interfaces have, by subnet: what is free of a subnet is known without reading a single interface.

CREATE TABLE subnet_address (
  subnet_id TEXT NOT NULL, address TEXT NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY (subnet_id, address, sequence)
) STRICT, WITHOUT ROWID;

CREATE VIEW address_of_interface AS
  SELECT sequence, json_extract(document, '$.subnetId') subnet_id, json_extract(document, '$.privateIp') address
    FROM network_interface
  UNION ALL
  SELECT sequence, json_extract(document, '$.subnetId'), json_extract(secondary.value, '$.privateIp')
    FROM network_interface, json_each(document, '$.secondaryIps') secondary;

INSERT INTO subnet_address (subnet_id, address, sequence) SELECT subnet_id, address, sequence FROM address_of_interface;

-- Whoever writes the record.
CREATE TRIGGER subnet_address_insert AFTER INSERT ON network_interface BEGIN
  INSERT INTO subnet_address (subnet_id, address, sequence)
    SELECT subnet_id, address, sequence FROM address_of_interface WHERE sequence = NEW.sequence;
END;
CREATE TRIGGER subnet_address_delete AFTER DELETE ON network_interface BEGIN
  DELETE FROM subnet_address WHERE subnet_id = json_extract(OLD.document, '$.subnetId') AND sequence = OLD.sequence;
END;
CREATE TRIGGER subnet_address_update AFTER UPDATE OF document ON network_interface
WHEN json_extract(OLD.document, '$.subnetId', '$.privateIp', '$.secondaryIps')
  IS NOT json_extract(NEW.document, '$.subnetId', '$.privateIp', '$.secondaryIps') BEGIN
  DELETE FROM subnet_address WHERE subnet_id = json_extract(OLD.document, '$.subnetId') AND sequence = OLD.sequence;
  INSERT INTO subnet_address (subnet_id, address, sequence)
    SELECT subnet_id, address, sequence FROM address_of_interface WHERE sequence = NEW.sequence;
END;
