import assert from "node:assert/strict";
import { test } from "node:test";
import { bounded, extentOf } from "./sphere";

test("a full sphere turns without end, and stops at its poles", () => {
  const extent = extentOf(2, true);
  const view = bounded({ yaw: 3.5 * Math.PI, pitch: 9, fov: 1 }, extent, 1.6);
  assert.ok(Math.abs(view.yaw + Math.PI / 2) < 1e-9);
  assert.equal(view.pitch, Math.PI / 2);
});

test("a panorama shows nothing beyond its edges", () => {
  const extent = extentOf(4, false);
  const view = bounded({ yaw: 9, pitch: 9, fov: 9 }, extent, 1);
  assert.ok(view.fov <= extent.height);
  assert.ok(view.yaw + Math.atan(Math.tan(view.fov / 2)) <= extent.width / 2 + 1e-9);
  assert.equal(view.pitch, 0);
  assert.ok(extentOf(20, false).width <= 2 * Math.PI);
});
