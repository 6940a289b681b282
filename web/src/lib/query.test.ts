import assert from "node:assert/strict";
import { test } from "node:test";
import { queryOf, quoted, termsOf, withField } from "./query";

test("terms are words, fields and what they deny; quotes hold blanks together", () => {
  assert.deepEqual(termsOf('berlin camera:canon -tag:"at work" title:"by night" "new year" -'), [
    { value: "berlin", isDenied: false },
    { field: "camera", value: "canon", isDenied: false },
    { field: "tag", value: '"at work"', isDenied: true },
    { field: "title", value: '"by night"', isDenied: false },
    { value: '"new year"', isDenied: false },
    { value: "-", isDenied: false },
  ]);
});

test("writing the terms of a search gives the search", () => {
  for (const query of [
    "",
    "a b",
    'person:"anna maria" rating:>=4 -kind:video',
    '"open quote',
    "near:48.85,2.35,10",
  ]) {
    assert.equal(queryOf(termsOf(query)), query);
  }
});

test("a field has one condition, and none when its value is empty", () => {
  assert.equal(withField("sea rating:5", "rating", ">=4"), "sea rating:>=4");
  assert.equal(withField("sea rating:5", "rating", ""), "sea");
  assert.equal(withField("-kind:video", "kind", "photo"), "-kind:video kind:photo");
});

test("values are quoted where the language needs it", () => {
  assert.equal(quoted("family/anna"), "family/anna");
  assert.equal(quoted("Zürich"), "Zürich");
  assert.equal(quoted("New York"), '"New York"');
  assert.equal(quoted("-x"), '"-x"');
  assert.equal(quoted("a:b,c"), '"a:b,c"');
});
