import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fits, launch, middle, photos, signedIn, sizes, text, touch } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** The zoom of the address, once it has changed. */
async function zoomAfter(page, act) {
  const zoom = () => Number(new URL(location.href).searchParams.get("at")?.split(",")[2] ?? Number.NaN);
  await page.waitForFunction(() => location.search.includes("at="));
  const before = await page.evaluate(zoom);
  await act();
  await page.waitForFunction(
    (old) => Number(new URL(location.href).searchParams.get("at").split(",")[2]) !== old,
    {},
    before,
  );
  return [before, await page.evaluate(zoom)];
}

test("the map of places shows clusters with photos, zooms into one, and lists what is in view", async () => {
  await signedIn(browser, "places", {}, async (page) => {
    await page.waitForSelector(".place-country");
    await page.click(".segments a[href^='places/map']");
    await page.waitForSelector(".map-marker img");
    await page.waitForSelector(".map-list li img");
    await accessible(page, "map");
    // Land is drawn: the canvas has more colours than the sea.
    await page.waitForFunction(() => {
      const canvas = document.querySelector(".map-chart canvas");
      // One row: reading all pixels in each frame is slow without a graphics processor.
      const { data } = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1);
      const colours = new Set();
      for (let i = 0; i < data.length; i += 4)
        colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return colours.size > 3;
    });
    const all = Number.parseInt(await text(page, ".map-list header p"), 10);
    const [before, closer] = await zoomAfter(page, () => page.click("button.map-marker"));
    assert.ok(closer > before, `zoom ${before}, then ${closer}`);
    await page.waitForFunction(
      (n) => Number.parseInt(document.querySelector(".map-list header p").textContent, 10) < n,
      {},
      all,
    );
    // Back shows the list of places, not each step of the map.
    await page.goBack();
    await page.waitForSelector(".place-country");
  });
});

test("keys, the wheel and buttons move the map", async () => {
  await signedIn(browser, "places/map", {}, async (page) => {
    await page.waitForSelector(".map-marker img");
    const [x, y] = await middle(page, ".map-chart");
    await page.mouse.move(x, y);
    const [a, b] = await zoomAfter(page, () => page.mouse.wheel({ deltaY: -300 }));
    assert.ok(b > a);
    await page.focus(".map-chart");
    const [c, d] = await zoomAfter(page, () => page.keyboard.press("-"));
    assert.ok(d < c);
    const west = () =>
      page.evaluate(() => Number(new URL(location.href).searchParams.get("at").split(",")[1]));
    const before = await west();
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(
      (old) => Number(new URL(location.href).searchParams.get("at").split(",")[1]) > old,
      {},
      before,
    );
    const [e, f] = await zoomAfter(page, () => page.click('.map-buttons button[aria-label="Zoom in"]'));
    assert.ok(f > e);
  });
});

test("two fingers zoom the map on a phone, and a photo of it opens", async () => {
  await signedIn(browser, "places/map", { size: sizes.phone }, async (page) => {
    await page.waitForSelector(".map-marker img");
    await fits(page, sizes.phone);
    const [before, closer] = await zoomAfter(page, () =>
      touch(
        page,
        [30, 60, 90, 120].map((n) => [
          [190 - n, 400],
          [200 + n, 400],
        ]),
      ),
    );
    assert.ok(closer > before + 1, `zoom ${before}, then ${closer}`);
    await page.click('.map-buttons button[aria-label="Show all photos"]');
    await page.waitForSelector(".map-list li a");
    await page.tap(".map-list li a");
    await page.waitForSelector(".pswp__img");
    // Closing leads back to the map.
    await page.tap('.viewer-bar button[aria-label="Close"]');
    await page.waitForSelector(".map-marker img");
  });
});

test("a folder has a map of its own photos", async () => {
  await signedIn(browser, "folders/Family/2019/2019-04%20Kyoto", {}, async (page) => {
    await photos(page);
    await page.click('.tools a[aria-label="Map"]');
    await page.waitForSelector(".map-marker img");
    await page.waitForFunction(() =>
      /photos? in view/.test(document.querySelector(".map-list p").textContent),
    );
    const at = await page.evaluate(() => new URL(location.href).searchParams.get("at"));
    const [lat, lon] = at.split(",").map(Number);
    assert.ok(Math.abs(lat - 35) < 2 && Math.abs(lon - 135.8) < 2, `Kyoto is at ${at}`);
    await page.click('.tools a[aria-label="Back to the photos"]');
    await photos(page);
  });
});

test("headings have the places of their days, and of their years the countries", async () => {
  await signedIn(browser, "photos?q=kyoto", {}, async (page) => {
    await photos(page);
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".grid-note")].some((note) => note.textContent.includes("Kyoto")),
    );
    await page.click(".levels button:first-of-type");
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".grid-note")].some((note) => note.textContent === "Japan"),
    );
  });
});
