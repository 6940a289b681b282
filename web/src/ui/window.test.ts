import assert from "node:assert/strict";
import { test } from "node:test";
import { type Tiling, windowOf } from "./window";

const tiling: Tiling = {
  count: 5000,
  width: 1000,
  minWidth: () => 120,
  gap: 16,
  heightOf: (width) => width + 80,
};

test("the tiles of the screen are drawn, and some rows around them", () => {
  const top = windowOf(tiling, 0, 800);
  assert.equal(top.columns, 7);
  assert.deepEqual([top.from, top.top], [0, 0]);
  assert.ok(top.to >= 7 * 4 && top.to < 100, `${top.to} tiles`);
  const middle = windowOf(tiling, top.height / 2, 800);
  assert.equal(middle.from % 7, 0, "whole rows");
  assert.ok(middle.top <= top.height / 2 && middle.top > top.height / 2 - 1200);
  const end = windowOf(tiling, top.height - 800, 800);
  assert.equal(end.to, 5000);
});

test("a list that is empty, short, narrow or scrolled too far", () => {
  assert.deepEqual(windowOf({ ...tiling, count: 0 }, 0, 800), {
    columns: 7,
    from: 0,
    to: 0,
    top: 0,
    height: 0,
  });
  assert.equal(windowOf({ ...tiling, count: 3 }, 0, 800).to, 3);
  assert.equal(windowOf({ ...tiling, width: 50 }, 0, 800).columns, 1);
  const { from, to } = windowOf({ ...tiling, count: 3 }, 100_000, 800);
  assert.ok(from <= to && to <= 3);
});
