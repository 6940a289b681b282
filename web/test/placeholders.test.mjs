import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, photos, signedIn } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const pixels = (page) =>
  page.$$eval(".tile canvas.tile-hash", (all) =>
    all.map((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }),
  );

test("blurred pictures are shown until the pictures arrive, and pictures do not wait for them", async () => {
  const held = [];
  let isHeld = true;
  const before = async (page) => {
    await page.setRequestInterception(true);
    page.on("request", (request) => {
      if (isHeld && request.url().includes("/thumbnail/")) held.push(request);
      else void request.continue();
    });
  };
  await signedIn(browser, "", { before }, async (page) => {
    await page.waitForFunction(() => document.querySelectorAll(".tile canvas.tile-hash").length > 3);
    assert.equal(await page.$(".tile.is-loaded"), null);
    const colours = await pixels(page);
    assert.ok(
      colours.every((count) => count > 20),
      `colours: ${colours}`,
    );
    isHeld = false;
    for (const request of held) await request.continue();
    await photos(page);
    // The picture covers it.
    const [image, canvas] = await page.$eval(".tile.is-loaded:has(canvas)", (tile) =>
      [tile.querySelector("img"), tile.querySelector("canvas")].map((e) => {
        const { width, height } = e.getBoundingClientRect();
        return [Math.round(width), Math.round(height), getComputedStyle(e).opacity];
      }),
    );
    assert.deepEqual(image, canvas);
  });
});
