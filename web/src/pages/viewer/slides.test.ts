import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "../../api/shapes";
import { fullPicture, maxZoom, slideOf } from "./slides";

const rights = ["view", "download"] as const;
const item = (more: Partial<Item>): Item => ({
  id: 7,
  space: "s",
  folder: "",
  name: "a.jpg",
  kind: "photo",
  format: "jpeg",
  bytes: 1,
  tags: [],
  rights,
  ...more,
});

test("a slide has the shape of the picture, with its short edge as wide as the large picture's", () => {
  const wide = slideOf({ id: 1, aspect: 1.5, isVideo: false, flags: 0, key: 3 });
  assert.deepEqual([wide.width, wide.height], [1920, 1280]);
  const tall = slideOf({ id: 1, aspect: 0.5, isVideo: false, flags: 0, key: 3 });
  assert.deepEqual([tall.width, tall.height], [1280, 2560]);
  assert.match(slideOf({ id: 1, aspect: 1, isVideo: true, flags: 0, key: 3 }).html ?? "", /^<video /);
});

test("all pixels come from the original, the preview, or nowhere", () => {
  assert.match(fullPicture(item({})) ?? "", /original$/);
  assert.equal(fullPicture(item({ rights: ["view"] })), undefined);
  assert.equal(fullPicture(item({ format: "heic" })), undefined);
  const preview = { name: "preview", width: 1, height: 1 };
  assert.match(fullPicture(item({ format: "heic", derivatives: [preview] })) ?? "", /thumbnail\/preview/);
  assert.equal(fullPicture(item({ kind: "video", format: "mp4" })), undefined);
});

test("zoom ends at twice the original's pixels", () => {
  assert.equal(maxZoom({ width: 1920, fullWidth: 6000 }, 0.5), 6.25);
  assert.equal(maxZoom({ width: 1920 }, 0.75), 3);
});
