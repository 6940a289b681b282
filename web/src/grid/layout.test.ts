import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../testing/random";
import { estimateHeight, type GridMetrics, justify, rowsHeight, rowWidths } from "./layout";

const metrics = (width: number, rowHeight: number): GridMetrics => ({
  width,
  rowHeight,
  gap: 4,
  heading: 48,
  dayGap: 16,
});

test("rows hold every picture once, in order, at any width", () => {
  const next = random(1);
  for (let run = 0; run < 300; run++) {
    const m = metrics(200 + Math.floor(next() * 2500), 60 + Math.floor(next() * 300));
    const aspects = Array.from({ length: 1 + Math.floor(next() * 200) }, () => 1 + Math.floor(next() * 1000));
    const rows = justify(aspects, 0, aspects.length, m);
    let expected = 0;
    let top = 0;
    for (const row of rows) {
      assert.equal(row.from, expected);
      assert.ok(row.to > row.from, "a row is never empty");
      assert.ok(Math.abs(row.top - top) < 1e-6, "rows do not overlap");
      assert.ok(row.height > 0 && Number.isFinite(row.height));
      const sum = rowWidths(aspects, row, m).reduce((a, b) => a + b, 0) + m.gap * (row.to - row.from - 1);
      assert.ok(sum <= m.width + 2, `a row of ${sum} pixels is wider than ${m.width}`);
      expected = row.to;
      top += row.height + m.gap;
    }
    assert.equal(expected, aspects.length);
  }
});

test("all rows but the last are full, and near the target height", () => {
  const next = random(2);
  const m = metrics(1200, 220);
  const aspects = Array.from(
    { length: 1000 },
    () => [67, 75, 100, 133, 150, 178][Math.floor(next() * 6)] ?? 100,
  );
  const rows = justify(aspects, 0, aspects.length, m);
  for (const row of rows.slice(0, -1)) {
    const sum = rowWidths(aspects, row, m).reduce((a, b) => a + b, 0) + m.gap * (row.to - row.from - 1);
    assert.equal(sum, m.width);
    assert.ok(row.height > 150 && row.height < 330, `row height ${row.height}`);
  }
});

test("the last row is stretched only if it is nearly full", () => {
  const rows = justify([100], 0, 1, metrics(1200, 220));
  assert.equal(rows.length, 1);
  assert.equal(rows[0]?.height, 220);
  const [full] = justify([133, 133, 133], 0, 3, metrics(1200, 240));
  assert.ok(full && Math.abs(3 * 1.33 * full.height + 8 - 1200) < 1e-6);
});

test("the estimate of a mixed library is within a quarter of the layout", () => {
  const next = random(3);
  for (const m of [metrics(390, 115), metrics(1400, 237)]) {
    const aspects = Array.from({ length: 2000 }, () => (next() < 0.3 ? 75 : next() < 0.8 ? 133 : 178));
    const ratio = estimateHeight(2000, m) / rowsHeight(justify(aspects, 0, 2000, m));
    assert.ok(ratio > 0.75 && ratio < 1.33, `ratio ${ratio}`);
  }
});

test("a list has a row across the width for each item", () => {
  const list = { ...metrics(800, 60), isList: true };
  const rows = justify([50, 133, 300, 100], 1, 4, list);
  assert.deepEqual(
    rows.map(({ from, to, top, height }) => [from, to, top, height]),
    [
      [1, 2, 0, 60],
      [2, 3, 64, 60],
      [3, 4, 128, 60],
    ],
  );
  assert.deepEqual(rowWidths([50, 133, 300, 100], rows[1] ?? assert.fail(), list), [800]);
  assert.equal(estimateHeight(3, list), rowsHeight(rows));
});
