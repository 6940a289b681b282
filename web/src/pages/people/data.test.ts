import assert from "node:assert/strict";
import { test } from "node:test";
import type { ItemFace, Person } from "../../api/shapes";
import { facesIn, matching, mergeOrder, namesOf, ordered } from "./data";

const person = (id: string, items: number, name?: string): Person => ({
  id,
  space: "Family",
  hidden: false,
  items,
  faces: items,
  rights: { manage: true },
  ...(name === undefined ? {} : { name }),
});
const people = [person("a", 90), person("b", 3, "Anna"), person("c", 7, "Zoë"), person("d", 100)];
const ids = (list: readonly Person[]) => list.map(({ id }) => id).join("");

test("people with names come first, then those with most photos", () => {
  assert.equal(ids(ordered(people)), "cbda");
});

test("names are found by a part, without accents and case", () => {
  assert.equal(ids(matching(people, " ZOE")), "c");
  assert.equal(ids(matching(people, "n")), "b");
  assert.equal(ids(matching(people, "")), "abcd");
});

test("the chosen name comes first in a merge", () => {
  assert.deepEqual(namesOf([...people, person("e", 1, "Anna")]), ["Anna", "Zoë"]);
  assert.equal(mergeOrder(people, "Zoë").join(""), "cabd");
  assert.equal(mergeOrder(people, undefined).join(""), "abcd");
});

test("the faces of selected items are gathered from all pages", async () => {
  const face = (id: number, item: number): ItemFace => ({ id, item, key: 0, box: [0, 0, 1, 1], quality: 1 });
  const pages = [{ faces: [face(1, 10), face(2, 11)], next: "x" }, { faces: [face(3, 12), face(4, 10)] }];
  const asked: (string | undefined)[] = [];
  const found = await facesIn("a", new Set([10, 12]), async (_person, { after }) => {
    asked.push(after);
    return pages[asked.length - 1] ?? assert.fail("there are two pages");
  });
  assert.deepEqual(found, [1, 3, 4]);
  assert.deepEqual(asked, [undefined, "x"]);
});
