import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationOf, lastWord } from "./data";

test("a suggestion takes the place of the word that was typed", () => {
  assert.equal(lastWord("rating:5 ky"), "ky");
  const city = { kind: "city", name: "Kyoto", query: "country:JP city:Kyoto" } as const;
  assert.equal(
    destinationOf(city, "rating:5 ky", undefined),
    "photos?q=rating%3A5+country%3AJP+city%3AKyoto",
  );
});

test("folders, albums and people without a searchable name have pages of their own", () => {
  const folder = { kind: "folder", name: "b c", space: "Family", path: "a/b c" } as const;
  assert.equal(destinationOf(folder, "b", undefined), "folders/Family/a/b%20c");
  assert.equal(destinationOf({ kind: "album", name: "x", id: 4 }, "x", undefined), "albums/4");
  assert.equal(destinationOf({ kind: "person", name: "x", person: "p1" }, "x", undefined), "people/p1");
});
