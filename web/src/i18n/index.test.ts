import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, format } from ".";
import de from "./de.json";
import en from "./en.json";

const places = (text: unknown) =>
  [...JSON.stringify(text).matchAll(/\{(\w+)\}/g)]
    .map((m) => m[1])
    .filter((v, i, all) => all.indexOf(v) === i)
    .sort();

test("each catalogue has every key of the English one, with the same places for values", () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    assert.deepEqual(places(de[key as keyof typeof de]), places(text), key);
  }
});

test("values and plurals", () => {
  assert.equal(format({ one: "{count} item", other: "{count} items" }, { count: 1 }, "en"), "1 item");
  assert.equal(
    format({ one: "{count} item", other: "{count} items" }, { count: 12345 }, "en"),
    "12,345 items",
  );
  assert.equal(format("{a} and {b}", { a: "x" }, "en"), "x and {b}");
});

test("the first language with a catalogue wins, regions aside", () => {
  assert.equal(choose(["fr-CH", "de-AT", "en"], ["en", "de"]), "de");
  assert.equal(choose(["fr"], ["en", "de"]), "en");
});
