import assert from "node:assert/strict";
import { test } from "node:test";
import { cameraName, exposure, size } from "./format";

test("exposure times as cameras write them", () => {
  assert.equal(exposure(0.004), "1/250 s");
  assert.equal(exposure(0.8), "0.8 s");
  assert.equal(exposure(13), "13 s");
});

test("sizes of files", () => {
  assert.equal(size(999, "en"), "999 byte");
  assert.equal(size(3_400_000, "en"), "3.4 MB");
  assert.equal(size(0, "en"), "0 byte");
});

test("cameras without their maker twice", () => {
  assert.equal(cameraName("Canon", "Canon EOS R6"), "Canon EOS R6");
  assert.equal(cameraName("NIKON CORPORATION", "NIKON D850"), "NIKON D850");
  assert.equal(cameraName("samsung", "SM-G998B"), "samsung SM-G998B");
  assert.equal(cameraName(undefined, "DC-210"), "DC-210");
  assert.equal(cameraName("Canon", undefined), "Canon");
  assert.equal(cameraName(), "");
});
