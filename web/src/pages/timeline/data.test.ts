import assert from "node:assert/strict";
import { test } from "node:test";
import { TimelineModel } from "../../grid/model";
import { daysOf, rangeOf } from "./data";

const metrics = { width: 1200, rowHeight: 220, gap: 4, heading: 48, dayGap: 16 };

test("undated items come last, in a range of their own", () => {
  const days = daysOf({
    days: [
      { day: "2023-07-01", count: 3 },
      { day: "1965", count: 1 },
    ],
    undated: 2,
    version: "1",
  });
  const model = new TimelineModel(days, metrics);
  assert.equal(model.count, 6);
  assert.deepEqual(rangeOf(model, 0), { day: "2023-07-01..1965", limit: 4 });
  assert.deepEqual(rangeOf(model, 1), { day: "undated", limit: 2 });
});

test("a large day is asked for in parts", () => {
  const model = new TimelineModel(
    [
      { day: "2023-07-02", count: 2 },
      { day: "2023-07-01", count: 1200 },
    ],
    metrics,
  );
  const ranges = model.buckets.map((_, b) => rangeOf(model, b));
  assert.deepEqual(ranges, [
    { day: "2023-07-02", limit: 2 },
    { day: "2023-07-01", limit: 500 },
    { day: "2023-07-01", offset: 500, limit: 500 },
    { day: "2023-07-01", offset: 1000, limit: 200 },
  ]);
});
