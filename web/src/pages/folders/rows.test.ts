import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "../../api/shapes";
import { textsOf } from "./rows";

const item: Item = {
  id: 7,
  space: "Family",
  folder: "",
  name: "IMG_7.jpg",
  kind: "photo",
  bytes: 3_400_000,
  tags: [],
  rights: ["view"],
};

test("a row has what is known of a file", () => {
  assert.deepEqual(textsOf(item), { name: "IMG_7.jpg", date: "", pixels: "", size: "3.4 MB" });
  const taken = { local: "2023-07-01T10:20:30", source: "exif" };
  const { date, pixels } = textsOf({ ...item, taken, display_width: 4000, display_height: 3000 });
  assert.match(date, /Jul.*2023.*10:20/);
  assert.equal(pixels, "4,000 × 3,000");
});
