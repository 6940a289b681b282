import assert from "node:assert/strict";
import { test } from "node:test";
import type { ItemFace, Why } from "../../api/shapes";
import { reasons } from "./why";

const face: ItemFace = { id: 1, item: 2, key: 3, box: [0, 0, 1, 1], quality: 0.9 };
const anna = { id: "p1", name: "Anna" };
const ben = { id: "p2", name: "Ben" };
const near = (similarity: number, required: number) => ({
  person: anna,
  similarity,
  required,
  exemplars: [],
});
const why = (part: Partial<Why>): Why => ({ face, candidates: [], rejected: [], in_photo: [], ...part });

test("an assignment has its source, and its similarity if it was automatic", () => {
  assert.deepEqual(reasons(why({ face: { ...face, person: anna, assigned_by: "edit" } })), [
    "A user stated that this is Anna.",
  ]);
  assert.match(
    reasons(why({ face: { ...face, person: anna, assigned_by: "sidecar" } }))[0] ?? "",
    /sidecar.*Anna/,
  );
  const machine = why({
    face: { ...face, person: anna, assigned_by: "machine" },
    similarity: 0.623,
    required: 0.5,
    candidates: [near(0.7, 0.4)],
  });
  assert.match(reasons(machine)[0] ?? "", /62%.*50%/, "the values of the decision, not those of now");
});

test("a face without a person has the nearest one, and what prevents it", () => {
  assert.match(reasons(why({ candidates: [near(0.41, 0.5)] }))[0] ?? "", /Anna.*41%.*50%/);
  assert.deepEqual(reasons(why({})), ["No known person is similar."]);
  const held = reasons(why({ candidates: [near(0.6, 0.5)], rejected: [anna], in_photo: [ben] }));
  assert.equal(held.length, 3);
  assert.match(held[1] ?? "", /not Anna/);
  assert.match(held[2] ?? "", /Ben/);
  assert.deepEqual(reasons(why({ face: { ...face, mark: "nobody" } })), [
    "A user marked this as an unknown person.",
  ]);
});
