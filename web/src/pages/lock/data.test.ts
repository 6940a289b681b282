import assert from "node:assert/strict";
import { test } from "node:test";
import { isDue } from "./data";

test("the lock is due after the minutes, never without them, and when the clock was set back", () => {
  const now = Date.parse("2026-01-01T12:00:00Z");
  assert.equal(isDue(now - 299_999, now, 5), false);
  assert.equal(isDue(now - 300_000, now, 5), true);
  assert.equal(isDue(now - 10 * 3_600_000, now, undefined), false);
  assert.equal(isDue(now + 60_000, now, 5), true);
});
