import assert from "node:assert/strict";
import { test } from "node:test";
import { OnScreen } from "./on-screen";

/** Requests that are answered by the test. */
function requests() {
  const asked: {
    keys: readonly number[];
    signal: AbortSignal;
    answer: (known: readonly number[]) => void;
  }[] = [];
  let onAsked = () => {};
  return {
    asked,
    fetch: (keys: readonly number[], signal: AbortSignal) =>
      new Promise<ReadonlyMap<number, string>>((resolve) => {
        asked.push({
          keys,
          signal,
          answer: (known) => resolve(new Map(known.map((key) => [key, `value ${key}`]))),
        });
        onAsked();
      }),
    count: (count: number) =>
      new Promise<void>((resolve) => {
        onAsked = () => asked.length >= count && resolve();
        onAsked();
      }),
  };
}

test("values are requested together, once, one request at a time", async () => {
  const { asked, fetch, count } = requests();
  const shown: string[] = [];
  const values = new OnScreen(fetch, (key, value) => shown.push(`${key}: ${value}`), { pause: 0, most: 2 });
  values.want([1]);
  values.want([1, 2, 3]);
  await count(1);
  assert.deepEqual(asked[0]?.keys, [1, 2], "the last wish, at most two");
  asked[0]?.answer([1]);
  await count(2);
  assert.deepEqual(shown, ["1: value 1"]);
  assert.deepEqual(asked[1]?.keys, [3]);
  values.want([1, 2]);
  assert.equal(asked[1]?.signal.aborted, true, "3 has left the screen");
  values.want([2, 1, 4]);
  await count(3);
  assert.deepEqual(asked[2]?.keys, [4], "2 has no value, which is known");
  assert.equal(values.get(1), "value 1");
  values.stop();
  assert.equal(asked[2]?.signal.aborted, true);
});

test("a failed request is not repeated", async () => {
  let failed = 0;
  let onSecond = () => {};
  const second = new Promise<void>((resolve) => {
    onSecond = resolve;
  });
  const values = new OnScreen<number, string>(
    (keys) => {
      failed++;
      if (keys.includes(2)) onSecond();
      return Promise.reject(new Error("no"));
    },
    () => assert.fail("there is no value"),
    { pause: 0, most: 1 },
  );
  values.want([1, 2]);
  await second;
  values.want([1]);
  values.want([1, 2]);
  assert.equal(failed, 2);
  values.stop();
});
