-- What every clustering asks for, found without reading the files of a space one by one: faces without a person, and
-- faces that a region names.
CREATE INDEX faces_waiting ON faces (file_id) WHERE person_id IS NULL;
CREATE INDEX faces_named ON faces (file_id) WHERE region_name IS NOT NULL;
