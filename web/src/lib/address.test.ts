import assert from "node:assert/strict";
import { test } from "node:test";
import { href, parse } from "./address";

test("segments are decoded below the base path", () => {
  const route = parse(
    { pathname: "/nas/photos/folders/shared/2005%20Italy", search: "?q=a%20b" },
    "/nas/photos/",
  );
  assert.deepEqual(route.segments, ["folders", "shared", "2005 Italy"]);
  assert.equal(route.query.get("q"), "a b");
});

test("a broken escape does not break the address", () => {
  assert.deepEqual(parse({ pathname: "/a/%E4", search: "" }, "/").segments, ["a", "%E4"]);
});

test("names with slashes, question marks and other scripts survive", () => {
  for (const name of ["a/b", "what?", "100 %", "写真", "é#1"]) {
    const address = href(["folders", name], { q: name, empty: undefined });
    const url = new URL(address, "http://localhost/base/");
    const route = parse(url, "/base/");
    assert.deepEqual(route.segments, ["folders", name]);
    assert.equal(route.query.get("q"), name);
    assert.equal(route.query.has("empty"), false);
  }
});
