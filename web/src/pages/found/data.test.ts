import assert from "node:assert/strict";
import { test } from "node:test";
import { dayBefore } from "./data";

test("thirty days before a day of March is in January or February", () => {
  assert.equal(dayBefore(new Date("2024-03-01T00:30:00Z"), 30), "2024-01-31");
  assert.equal(dayBefore(new Date("2023-03-01T23:30:00Z"), 30), "2023-01-30");
});
