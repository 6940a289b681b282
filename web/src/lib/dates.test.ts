import assert from "node:assert/strict";
import { test } from "node:test";
import { clock, dayInWords, momentInShort, momentInWords, monthInWords, parts } from "./dates";

/** Versions of ICU use different commas. */
const plain = (words: string) => words.replaceAll(",", "");

test("days are as precise as they are known", () => {
  assert.deepEqual(parts("1965"), { year: 1965 });
  assert.deepEqual(parts("1965-07"), { year: 1965, month: 7 });
  assert.equal(parts("undated"), undefined);
  assert.equal(dayInWords("1965", "en", 2026), "1965");
  assert.equal(dayInWords("1965-07", "en", 2026), "July 1965");
  assert.equal(plain(dayInWords("2023-07-01", "en-GB", 2026)), "Sat 1 Jul 2023");
  assert.equal(plain(dayInWords("2026-07-01", "en-GB", 2026)), "Wed 1 Jul");
  assert.equal(plain(dayInWords("2023-07-01", "de", 2026)), "Sa. 1. Juli 2023");
});

test("a day is the same in every time zone", () => {
  const before = process.env.TZ;
  for (const zone of ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin"]) {
    process.env.TZ = zone;
    assert.equal(plain(dayInWords("2023-01-01", "en-GB", 2026)), "Sun 1 Jan 2023");
  }
  if (before === undefined) delete process.env.TZ;
  else process.env.TZ = before;
});

test("months, moments and durations", () => {
  assert.equal(monthInWords("2023-07-01", "en"), "Jul 2023");
  assert.equal(monthInWords("1965", "en"), "1965");
  assert.equal(plain(momentInWords("2023-07-01T10:20:30", "en-GB")), "Saturday 1 July 2023 10:20");
  assert.equal(momentInWords("1965-07", "en"), "July 1965");
  assert.equal(plain(momentInShort("2023-07-01T10:20:30", "en-GB")), "1 Jul 2023 10:20");
  assert.equal(plain(momentInShort("2023-07-01", "en-GB")), "1 Jul 2023");
  assert.equal(momentInShort("1965-07", "en"), "July 1965");
  assert.equal(clock(65.4), "1:05");
  assert.equal(clock(3753), "1:02:33");
  assert.equal(clock(0.2), "0:00");
});
