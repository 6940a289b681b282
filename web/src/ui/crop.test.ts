import assert from "node:assert/strict";
import { test } from "node:test";
import { random } from "../testing/random";
import { faceCrop } from "./crop";

test("the square lies within the picture and holds the middle of the face", () => {
  const next = random(6);
  for (let i = 0; i < 500; i++) {
    const [width, height] = [100 + next() * 900, 100 + next() * 900];
    const [w, h] = [0.02 + next() * 0.5, 0.02 + next() * 0.5];
    const [x, y] = [next() * (1 - w), next() * (1 - h)];
    const style = faceCrop([x, y, w, h], width, height);
    const number = (name: string) => Number.parseFloat(style[name] ?? "");
    const side = (width / number("width")) * 100;
    const left = (-number("left") / 100) * side;
    const top = (-number("top") / 100) * side;
    assert.ok(left >= -0.01 && left + side <= width + 0.01);
    assert.ok(top >= -0.01 && top + side <= height + 0.01);
    const [cx, cy] = [(x + w / 2) * width, (y + h / 2) * height];
    assert.ok(cx >= left - 0.01 && cx <= left + side + 0.01 && cy >= top - 0.01 && cy <= top + side + 0.01);
  }
});
