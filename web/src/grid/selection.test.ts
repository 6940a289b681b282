import assert from "node:assert/strict";
import { test } from "node:test";
import { TimelineModel } from "./model";
import { idsBetween, Selection } from "./selection";

const metrics = { width: 1200, rowHeight: 220, gap: 4, heading: 48, dayGap: 16 };
const sorted = (ids: Iterable<number>) => [...ids].sort((a, b) => a - b);

test("choosing twice lets go, and a range goes on from the item before", () => {
  const selection = new Selection();
  selection.toggle(3, 30);
  selection.toggle(5, 50);
  selection.toggle(3, 30);
  assert.deepEqual(sorted(selection.ids), [50]);
  selection.toggle(2, 20);
  assert.deepEqual(selection.rangeTo(6), [2, 7]);
  assert.deepEqual(selection.rangeTo(4), [4, 7]);
});

test("a drag that goes back lets go of what it had passed", () => {
  const selection = new Selection();
  selection.toggle(1, 10);
  selection.drag([20, 30, 40]);
  selection.drag([20]);
  assert.deepEqual(sorted(selection.ids), [10, 20]);
});

test("a range over buckets that are not loaded asks for them", async () => {
  const model = new TimelineModel([{ day: "", count: 1200 }], metrics);
  const asked: number[] = [];
  const fetchBucket = async (bucket: number) => {
    asked.push(bucket);
    const { first = 0, count = 0 } = model.buckets[bucket] ?? {};
    const fill = new Array<number>(count).fill(0);
    return {
      ids: fill.map((_, i) => first + i),
      aspect: fill,
      kind: "",
      flags: fill,
      keys: fill,
      durations: [],
    };
  };
  const ids = await idsBetween(model, fetchBucket, 490, 1010);
  assert.equal(ids.length, 520);
  assert.deepEqual([ids[0], ids[519]], [490, 1009]);
  assert.deepEqual(asked, [0, 1, 2]);
});
