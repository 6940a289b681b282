import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { landFile } from "../../scripts/land.mjs";
import { decode } from "./decode";
import { worldX, worldY } from "./mercator";

const land = decode(
  landFile(JSON.parse(readFileSync("node_modules/world-atlas/countries-50m.json", "utf8"))),
);

/** Whether a position is on land: a ray to the west crosses the rings an odd number of times. */
function isLand(lat: number, lon: number): boolean {
  const [x, y] = [worldX(lon), worldY(lat)];
  let isInside = false;
  for (const { points } of land.rings) {
    for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
      const [ax = 0, ay = 0, bx = 0, by = 0] = [points[i], points[i + 1], points[j], points[j + 1]];
      if (ay > y !== by > y && x > ax + ((y - ay) / (by - ay)) * (bx - ax)) isInside = !isInside;
    }
  }
  return isInside;
}

test("cities are on land, oceans are not", () => {
  for (const [name, lat, lon] of [
    ["Berlin", 52.5, 13.4],
    ["Kyoto", 35, 135.7],
    ["Nairobi", -1.3, 36.8],
    ["Uelen, beyond the date line", 66.1, -170.5],
    ["the South Pole's plateau", -84, 100],
  ] as const)
    assert.ok(isLand(lat, lon), name);
  for (const [name, lat, lon] of [
    ["Atlantic", 30, -40],
    ["Pacific", 0, -150],
    ["the sea north of Siberia", 80, 160],
    ["Indian Ocean", -30, 80],
  ] as const)
    assert.ok(!isLand(lat, lon), name);
});

test("no line runs around the world", () => {
  for (const { points, bottom } of [...land.rings, ...land.borders]) {
    // Antarctica is closed along the lower edge.
    if (bottom > 0.99) continue;
    for (let i = 2; i < points.length; i += 2)
      assert.ok(Math.abs((points[i] ?? 0) - (points[i - 2] ?? 0)) < 0.2);
  }
});

test("countries have their codes, the largest first", () => {
  assert.equal(land.countries[0]?.code, "643");
  assert.ok(land.countries.some(({ code }) => code === "036"));
});
