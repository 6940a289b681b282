import assert from "node:assert/strict";
import { test } from "node:test";
import { datesOf, withDates } from "./filters";

test("dates of the panel are one condition of the search", () => {
  for (const [from, to] of [
    ["2020-01-02", "2021-03-04"],
    ["2020-01-02", ""],
    ["", "2021-03-04"],
    ["", ""],
  ] as const) {
    const query = withDates("sea date:2019", from, to);
    assert.deepEqual(datesOf(query), [from, to]);
    assert.ok(query.startsWith("sea"));
  }
});
