-- Faces that no clustering has looked at, found without reading the others: a service asks at its start.
CREATE INDEX faces_unclustered ON faces (file_id) WHERE clustered = 0 AND person_id IS NULL;
