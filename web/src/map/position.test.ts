import assert from "node:assert/strict";
import { test } from "node:test";
import { positionOf, positionText } from "./position";

const near = (text: string, lat: number, lon: number) => {
  const read = positionOf(text);
  assert.ok(read, text);
  assert.ok(
    Math.abs(read.lat - lat) < 1e-4 && Math.abs(read.lon - lon) < 1e-4,
    `${text}: ${JSON.stringify(read)}`,
  );
};

test("positions are read as maps and people write them", () => {
  near("48.13743, 11.57549", 48.13743, 11.57549);
  near("48.13743,11.57549", 48.13743, 11.57549);
  near("  -33.9212   18.42865 ", -33.9212, 18.42865);
  near("48,13743; 11,57549", 48.13743, 11.57549);
  near("48,13743, 11,57549", 48.13743, 11.57549);
  near("48.13743° N, 11.57549° E", 48.13743, 11.57549);
  near("N 48.13743 E 11.57549", 48.13743, 11.57549);
  near("11.57549 O 48.13743 N", 48.13743, 11.57549);
  near(`48°8'14.7"N 11°34'31.8"E`, 48.13742, 11.5755);
  near("33° 55′ 16″ S, 18° 25′ 43″ E", -33.92111, 18.42861);
  near("40.7521 N 73.9812 W", 40.7521, -73.9812);
});

test("other texts are refused", () => {
  for (const text of [
    "",
    "48.1",
    "91, 10",
    "48, 181",
    "Munich",
    "48.1 N, 11.5 N",
    "48, 11, 3",
    "48° 61' N, 11° E",
  ])
    assert.equal(positionOf(text), undefined, text);
});

test("a position as text is read again", () => {
  assert.equal(positionText({ lat: 48.1, lon: -11.575491 }), "48.1, -11.57549");
  near(positionText({ lat: -0.00001, lon: 179.99999 }), -0.00001, 179.99999);
});
