import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../testing/random";
import { type GridColumns, SECTION_ITEMS, TimelineModel } from "./model";

const metrics = { width: 1200, rowHeight: 220, gap: 4, heading: 48, dayGap: 16 };

function columns(count: number, firstId: number): GridColumns {
  return {
    ids: Array.from({ length: count }, (_, i) => firstId + i),
    aspect: Array.from({ length: count }, (_, i) => [67, 133, 150][i % 3] ?? 100),
    kind: "p".repeat(count),
    flags: new Array(count).fill(0),
    keys: new Array(count).fill(7),
    durations: [],
  };
}

function library(items: number, days: number) {
  const next = random(5);
  const counts = Array.from({ length: days }, (_, i) => ({
    day: `d${i}`,
    count: 1 + Math.floor((next() * 2 * items) / days),
  }));
  counts[3] = { day: "d3", count: 70_000 };
  return counts;
}

test("sections and buckets hold every item once", () => {
  const model = new TimelineModel(library(1_000_000, 5000), metrics);
  let position = 0;
  for (const s of model.sections) {
    assert.equal(s.first, position);
    assert.ok(s.count > 0 && s.count <= SECTION_ITEMS);
    position += s.count;
  }
  assert.equal(position, model.count);
  position = 0;
  for (const b of model.buckets) {
    assert.equal(b.first, position);
    position += b.count;
    const days = new Set(model.sections.slice(...b.sections).map((s) => s.day));
    const whole = model.sections.slice(...b.sections).every((s) => s.offset === 0);
    assert.ok(whole || days.size === 1, "a bucket is whole days, or a part of one");
  }
  assert.equal(position, model.count);
});

test("offsets grow, and sectionAt finds them again", () => {
  const model = new TimelineModel(library(100_000, 500), metrics);
  for (let s = 0; s < model.sections.length; s++) {
    assert.ok(model.offset(s + 1) > model.offset(s));
    assert.equal(model.sectionAt(model.offset(s) + 0.5), s);
    assert.equal(model.sectionOfPosition(model.sections[s]?.first ?? -1), s);
  }
});

test("a bucket of another length is refused", () => {
  const model = new TimelineModel([{ day: "2023-07-01", count: 10 }], metrics);
  assert.equal(model.setColumns(0, columns(9, 1)), false);
  assert.equal(model.setColumns(0, columns(10, 1)), true);
  assert.equal(model.item(4)?.id, 5);
  assert.equal(model.positionOf(5), 4);
  assert.equal(model.positionOf(99), undefined);
});

test("loading a bucket moves what is below it and nothing above it", () => {
  const model = new TimelineModel(library(20_000, 100), metrics);
  const before = Array.from({ length: model.sections.length }, (_, s) => model.offset(s));
  const b = 30;
  const bucket = model.buckets[b];
  assert.ok(bucket);
  assert.ok(model.setColumns(b, columns(bucket.count, 1)));
  for (let s = 0; s <= bucket.sections[0]; s++) assert.equal(model.offset(s), before[s]);
  const moved = model.offset(bucket.sections[1]) - (before[bucket.sections[1]] ?? 0);
  const last = model.sections.length - 1;
  assert.ok(Math.abs(model.offset(last) - (before[last] ?? 0) - moved) < 1e-6);
});

test("short days share a row, before and after their pictures are loaded", () => {
  const days = Array.from({ length: 60 }, (_, i) => ({ day: `d${i}`, count: i % 10 === 9 ? 40 : 1 }));
  const model = new TimelineModel(days, { ...metrics, shelfGap: 16 });
  const check = () => {
    let shared = 0;
    for (let s = 0; s < model.sections.length; s++) {
      assert.ok(model.end(s) > model.offset(s));
      const first = model.rowStart(s);
      assert.equal(model.offset(first), model.offset(s));
      const row = model.rows(s);
      if (model.place(s)) {
        shared++;
        if (row) assert.equal(row.length, 1);
      } else assert.equal(first, s);
      // The last section of a row is found by each of its offsets.
      assert.equal(model.rowStart(model.sectionAt(model.end(s) - 0.5)), first);
    }
    return shared;
  };
  assert.ok(check() > 40);
  const height = model.height;
  for (const [b, bucket] of model.buckets.entries()) assert.ok(model.setColumns(b, columns(bucket.count, 1)));
  assert.ok(check() > 40);
  assert.ok(Math.abs(model.height - height) / height < 0.4);
});
