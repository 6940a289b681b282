import assert from "node:assert/strict";
import { test } from "node:test";
import type { Question, QuestionSide } from "../../api/shapes";
import { answersTo, titleOf, toastOf } from "./question";

const side = (name?: string, id?: string): QuestionSide => ({
  face: { id: 1, item: 2, key: 3, box: [0, 0, 1, 1] },
  ...(id === undefined ? {} : { person: { id, ...(name === undefined ? {} : { name }) } }),
});
const question = (kind: Question["kind"], a: QuestionSide, b: QuestionSide): Question => ({
  question: "q",
  kind,
  space: "Family",
  a,
  b,
  similarity: 0.4,
  required: 0.45,
});
const keys = (asked: Question) =>
  answersTo(asked)
    .map(({ key }) => key)
    .join("");

test("a question about a face has four answers", () => {
  const asked = question("is", side(), side("Anna", "p1"));
  assert.equal(titleOf(asked), "Is this Anna?");
  assert.equal(keys(asked), "ynxi");
  assert.equal(titleOf(question("is", side(), side(undefined, "p1"))), "Is this the same person?");
});

test("two people can be hidden only if one of them has no name", () => {
  const two = question("same", side("Anna", "p1"), side("Ann", "p2"));
  assert.equal(titleOf(two), "Are Anna and Ann the same person?");
  assert.equal(keys(two), "yn");
  const one = question("same", side(undefined, "p1"), side("Anna", "p2"));
  assert.equal(titleOf(one), "Is this Anna?");
  assert.equal(keys(one), "yni");
  assert.equal(
    titleOf(question("same", side(undefined, "p1"), side(undefined, "p2"))),
    "Are these the same person?",
  );
});

test("the message names the effect of an answer", () => {
  const asked = question("is", side(), side("Anna", "p1"));
  assert.equal(toastOf("yes", asked, 2), "This is Anna now. 2 similar faces followed.");
  assert.equal(toastOf("no", asked, 0), "This is not Anna.");
});
