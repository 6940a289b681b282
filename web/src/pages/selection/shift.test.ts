import assert from "node:assert/strict";
import { test } from "node:test";
import { shiftOf } from "./shift";

test("shifts add up days, hours and minutes, in either direction", () => {
  assert.equal(shiftOf(0, 2, 0), "+02:00:00");
  assert.equal(shiftOf(-1, -2, -30), "-26:30:00");
  assert.equal(shiftOf(1, -1, 0), "+23:00:00");
  assert.equal(shiftOf(0, 0, 0), undefined);
  assert.equal(shiftOf(Number.NaN, 1, 0), undefined);
});
