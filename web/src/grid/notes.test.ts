import assert from "node:assert/strict";
import { test } from "node:test";
import type { Section } from "./model";
import { Notes } from "./notes";

const section = (day: string): Section => ({
  day,
  from: day,
  to: day,
  offset: 0,
  count: 1,
  first: 0,
  bucket: 0,
});

test("a note is requested once, and what left the screen is cancelled", async () => {
  const [a, b, c] = [section("2023-07-03"), section("2023-07-02"), section("2023-07-01")];
  const asked: string[] = [];
  const cancelled: string[] = [];
  const shown: string[] = [];
  const answers = new Map<string, (note: string) => void>();
  let onAsked = () => {};
  const notes = new Notes(
    ({ day }, signal) => {
      asked.push(day);
      signal.addEventListener("abort", () => cancelled.push(day));
      onAsked();
      return new Promise((resolve) => answers.set(day, resolve));
    },
    ({ day }, note) => shown.push(`${day} ${note}`),
  );
  const requests = (count: number) =>
    new Promise<void>((resolve) => {
      onAsked = () => asked.length >= count && resolve();
      onAsked();
    });
  notes.want([a, b, c]);
  await requests(2);
  assert.deepEqual(asked, [a.day, b.day], "two at a time");
  answers.get(a.day)?.("Kyoto");
  await requests(3);
  assert.deepEqual(shown, ["2023-07-03 Kyoto"]);
  notes.want([a]);
  assert.deepEqual(cancelled, [b.day, c.day]);
  assert.equal(notes.get(a), "Kyoto");
  assert.equal(notes.get(b), undefined);
  notes.want([a, b]);
  await requests(4);
  assert.deepEqual(asked.slice(3), [b.day], "the known note is not requested again");
  notes.stop();
});
