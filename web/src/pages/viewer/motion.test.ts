import assert from "node:assert/strict";
import { test } from "node:test";
import { rangeOf } from "./motion";

test("the range of a clip is the end of the file, or as long as it is said to be", () => {
  assert.equal(rangeOf(1000, undefined), "bytes=1000-");
  assert.equal(rangeOf(1000, 500), "bytes=1000-1499");
});
