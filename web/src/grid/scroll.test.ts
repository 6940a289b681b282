import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../testing/random";
import {
  at,
  contentOf,
  drift,
  isNearFalseEnd,
  MAX_TRACK,
  type Position,
  scrolled,
  trackHeight,
  trackOf,
} from "./scroll";

const huge = { content: 90_000_000, viewport: 844 };
const small = { content: 12_000, viewport: 844 };

test("a short library is scrolled one to one", () => {
  assert.equal(trackHeight(small), 12_000);
  const p = scrolled({ top: 0, scrollTop: 0 }, 5000, small);
  assert.deepEqual(p, { top: 5000, scrollTop: 5000 });
});

test("heights that change above the screen move neither the screen nor the track", () => {
  // 300 pixels more above: the content offset moves, the track stays until the pause.
  const p = scrolled({ top: 5300, scrollTop: 5000 }, 5100, small);
  assert.deepEqual(p, { top: 5400, scrollTop: 5100 });
  assert.equal(drift(p, small), 300);
  assert.equal(drift(at(p.top, small), small), 0);
});

test("no element is taller than the limit", () => {
  assert.equal(trackHeight(huge), MAX_TRACK);
  assert.ok(MAX_TRACK < 16_000_000);
});

test("the ends of the track are the ends of the content", () => {
  assert.equal(contentOf(0, huge), 0);
  assert.equal(contentOf(trackHeight(huge) - huge.viewport, huge), huge.content - huge.viewport);
  const end = scrolled({ top: 50_000_000, scrollTop: 3_998_000 }, trackHeight(huge) - huge.viewport, huge);
  assert.equal(end.top, huge.content - huge.viewport);
});

test("mapping there and back gives the same offset", () => {
  const next = random(4);
  for (let i = 0; i < 1000; i++) {
    const top = next() * (huge.content - huge.viewport);
    assert.ok(Math.abs(contentOf(trackOf(top, huge), huge) - top) < 0.01);
  }
});

test("small steps move the content as far as the track, and every offset can be reached", () => {
  let p: Position = at(45_000_000, huge);
  let expected = p.top;
  let recentred = 0;
  for (let i = 0; i < 20_000; i++) {
    p = scrolled(p, p.scrollTop + 300, huge);
    expected += 300;
    assert.ok(Math.abs(p.top - expected) < 1e-3, `step ${i}`);
    if (isNearFalseEnd(p, huge) || i % 50 === 49) {
      p = at(p.top, huge);
      recentred++;
    }
  }
  assert.ok(recentred > 0);
});

test("the track is put back before its end stops a user who scrolls on", () => {
  let p: Position = { top: 40_000_000, scrollTop: 2000 };
  assert.ok(drift(p, huge) > 1_000_000);
  while (!isNearFalseEnd(p, huge)) p = scrolled(p, p.scrollTop - 200, huge);
  assert.ok(p.scrollTop > 0);
  p = at(p.top, huge);
  assert.ok(drift(p, huge) < 1);
});
