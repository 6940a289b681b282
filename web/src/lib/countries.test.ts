import assert from "node:assert/strict";
import { test } from "node:test";
import { language } from "../i18n";
import { countryName } from "./countries";

test("countries by letters and by digits, in the user's language", () => {
  assert.equal(countryName("DE"), "Germany");
  assert.equal(countryName("276"), "Germany");
  assert.equal(countryName("ZX"), undefined);
  const before = language.value;
  language.value = "de";
  assert.equal(countryName("276"), "Deutschland");
  language.value = before;
  assert.equal(countryName("276"), "Germany");
});
