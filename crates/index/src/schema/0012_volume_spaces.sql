-- An item is in the space of its volume, also where the config gives the volume to another: who may see the one space only saw
-- its items there for as long as they stayed as they were.
UPDATE items SET space_id = (SELECT v.space_id FROM folders d JOIN volumes v ON v.id = d.volume_id WHERE d.id = items.folder_id)
 WHERE space_id <> (SELECT v.space_id FROM folders d JOIN volumes v ON v.id = d.volume_id WHERE d.id = items.folder_id);
CREATE TRIGGER volumes_move AFTER UPDATE OF space_id ON volumes WHEN OLD.space_id <> NEW.space_id BEGIN
  UPDATE items SET space_id = NEW.space_id WHERE folder_id IN (SELECT id FROM folders WHERE volume_id = NEW.id);
END;
