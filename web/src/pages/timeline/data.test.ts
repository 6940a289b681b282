import assert from "node:assert/strict";
import { test } from "node:test";
import { TimelineModel } from "../../grid/model";
import { daysOf, grouped, placesOf, rangeOf } from "./data";

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

test("months and years hold the days that follow each other, and partial dates of theirs", () => {
  const days = [
    { day: "2023-07-02", count: 2 },
    { day: "2023-07-01", count: 3 },
    { day: "2023-07", count: 1 },
    { day: "2023-01-05", count: 4 },
    { day: "1965", count: 5 },
    { day: "undated", count: 6 },
  ];
  assert.deepEqual(
    grouped(days, "month").map(({ day, count, from, to }) => [day, count, from, to]),
    [
      ["2023-07", 6, "2023-07-02", "2023-07"],
      ["2023-01", 4, "2023-01-05", "2023-01-05"],
      ["1965", 5, "1965", "1965"],
      ["undated", 6, "undated", "undated"],
    ],
  );
  assert.deepEqual(
    grouped(days, "year").map(({ day, count }) => [day, count]),
    [
      ["2023", 10],
      ["1965", 5],
      ["undated", 6],
    ],
  );
  const model = new TimelineModel(grouped(days, "year"), metrics);
  assert.deepEqual(rangeOf(model, 0), { day: "2023-07-02..1965", limit: 15 });
});

test("places of a day are cities, of a year countries", () => {
  const facets = {
    items: 9,
    facets: {
      city: [
        { value: "Kyoto", items: 5 },
        { value: "Nara", items: 2 },
        { value: "Osaka", items: 1 },
        { value: "Uji", items: 1 },
      ],
      country: [{ value: "JP", name: "Japan", items: 9 }],
    },
  };
  const name = (code: string) => (code === "JP" ? "Japan" : code);
  assert.equal(placesOf(facets, "day", name), "Kyoto, Nara, Osaka");
  assert.equal(placesOf(facets, "year", name), "Japan");
  assert.equal(placesOf({ items: 1, facets: {} }, "day", name), "");
});
