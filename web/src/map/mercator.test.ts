import assert from "node:assert/strict";
import { test } from "node:test";
import {
  around,
  boxOf,
  fitting,
  latitude,
  longitude,
  MAX_ZOOM,
  moved,
  pixelOf,
  viewOf,
  viewText,
  worldX,
  worldY,
  zoomed,
} from "./mercator";

const size = { width: 800, height: 600 };
const berlin = { x: worldX(13.4), y: worldY(52.5), zoom: 6 };
const near = (a: number, b: number, by = 1e-6) => assert.ok(Math.abs(a - b) < by, `${a} and ${b}`);

test("positions return from the projection", () => {
  for (const [lat, lon] of [
    [0, 0],
    [52.5, 13.4],
    [-33.9, 151.2],
    [84.9, -179.9],
  ] as const) {
    near(latitude(worldY(lat)), lat);
    near(longitude(worldX(lon)), lon);
  }
  near(worldY(0), 0.5);
  near(worldY(85.0511), 0, 1e-5);
});

test("zooming keeps the point below the pointer", () => {
  const at = [130, 470] as const;
  const before = boxOf(berlin, size);
  const [x, y] = [
    berlin.x + (at[0] - 400) / (256 * 2 ** berlin.zoom),
    berlin.y + (at[1] - 300) / (256 * 2 ** berlin.zoom),
  ];
  const [px, py] = pixelOf(x, y, zoomed(berlin, 8.5, at, size), size);
  near(px, at[0], 1e-3);
  near(py, at[1], 1e-3);
  assert.ok(before[0] < 52.5 && before[2] > 52.5);
});

test("a drag to the right shows what is further west", () => {
  assert.ok(moved(berlin, 100, 0).x < berlin.x);
  assert.ok(moved(berlin, 0, 100).y < berlin.y);
});

test("the fitting view contains the box, with its margin", () => {
  const box = [47.3, 5.9, 55.1, 15.1] as const;
  const view = fitting(box, size, 40);
  for (const [lat, lon] of [
    [47.3, 5.9],
    [55.1, 15.1],
  ] as const) {
    const [x, y] = pixelOf(worldX(lon), worldY(lat), view, size);
    assert.ok(x > 39 && x < 761 && y > 39 && y < 561, `${x}, ${y}`);
  }
});

test("one position is shown at the largest zoom, not at an infinite one", () => {
  assert.equal(fitting([48.8, 2.3, 48.8, 2.3], size, 40).zoom, MAX_ZOOM);
});

test("a box across the date line is shown around it", () => {
  const view = fitting([-20, 170, -10, -170], size, 40);
  near(Math.abs(longitude(view.x)), 180, 1e-6);
});

test("a view returns from its address; another text is none", () => {
  const view = viewOf(viewText(berlin));
  near(view?.x ?? 0, berlin.x, 1e-6);
  near(view?.zoom ?? 0, 6);
  assert.equal(viewOf(""), undefined);
  assert.equal(viewOf("a,b,c"), undefined);
});

test("the box around boxes", () => {
  assert.equal(around([]), undefined);
  assert.deepEqual(
    around([
      [1, 2, 3, 4],
      [0, 3, 2, 9],
    ]),
    [0, 2, 3, 9],
  );
});
