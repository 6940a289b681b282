import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../testing/random";
import { STRETCH } from "./layout";
import { type Day, shelf } from "./shelves";

const metrics = { width: 1200, rowHeight: 220, gap: 4, heading: 44, dayGap: 18, shelfGap: 16 };
const days = (list: readonly Day[]) => (n: number) => list[n];

test("days that fit share a row, in order and without overlap", () => {
  const next = random(7);
  for (let run = 0; run < 300; run++) {
    const m = { ...metrics, width: 300 + Math.floor(next() * 2000) };
    const list = Array.from({ length: 12 }, () => {
      const count = 1 + Math.floor(next() * 4);
      return { count, aspects: count * (0.4 + next()) };
    });
    const places = shelf(days(list), m);
    assert.notEqual(places.length, 1);
    let end = -m.shelfGap;
    for (const [n, place] of places.entries()) {
      assert.ok(place.left >= end + m.shelfGap - 2, `day ${n} begins at ${place.left}, before ${end}`);
      end = place.left + place.width;
      const pictures = (list[n]?.aspects ?? 0) * place.height + m.gap * ((list[n]?.count ?? 0) - 1);
      assert.ok(place.width >= pictures - 1, "the pictures fit");
      assert.ok(place.height <= m.rowHeight * STRETCH + 1e-6);
    }
    assert.ok(end <= m.width + 2, `the row ends at ${end} of ${m.width}`);
  }
});

test("a full row is as wide as the screen", () => {
  const places = shelf(days([1, 2, 3, 4].map(() => ({ count: 1, aspects: 1.33 }))), metrics);
  assert.equal(places.length, 4);
  const last = places[3];
  assert.ok(last && Math.abs(last.left + last.width - metrics.width) <= 2);
});

test("a long day has rows of its own, and ends the row before it", () => {
  const long = { count: 40, aspects: 50 };
  const short = { count: 1, aspects: 1 };
  assert.deepEqual(shelf(days([long, short]), metrics), []);
  assert.equal(shelf(days([short, short, long]), metrics).length, 2);
});

test("without a gap for it, no days share a row", () => {
  const { shelfGap: _, ...plain } = metrics;
  assert.deepEqual(shelf(days([1, 2].map(() => ({ count: 1, aspects: 1 }))), plain), []);
});
