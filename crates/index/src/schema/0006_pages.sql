-- The items of a space in order of their ids: a page begins anywhere at once, also where another space has a million items
-- in between.
CREATE INDEX items_pages ON items (space_id, file_id) WHERE hidden = 0;
