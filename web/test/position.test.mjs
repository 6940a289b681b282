import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  accessible,
  ask,
  fits,
  launch,
  middle,
  openFound,
  photos,
  press,
  signedIn,
  sizes,
  takeBack,
  text,
  told,
  undo,
} from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const mapDrawn = (page) => page.waitForSelector("dialog[open] .map-chart canvas[data-state=drawn]");
const typed = (page) => page.$eval("dialog[open] input[name=position]", (e) => e.value);
const isNear = (gps, lat, lon, within) =>
  assert.ok(Math.abs(gps.lat - lat) < within && Math.abs(gps.lon - lon) < within, JSON.stringify(gps));

/** Replaces the text of the position. */
async function write(page, position) {
  await page.click("dialog[open] input[name=position]", { count: 3 });
  await page.type("dialog[open] input[name=position]", position);
}

test("a position is typed, shown on the map, saved, undone and removed in the viewer", async () => {
  await signedIn(browser, "", {}, async (page) => {
    const id = await openFound(page, "kyoto has:gps");
    const before = (await ask(page, `items/${id}`)).gps;
    await page.keyboard.press("i");
    await press(page, ".info button ::-p-text(Change the position)");
    await mapDrawn(page);
    await page.waitForSelector("dialog[open] .map-pin");
    await accessible(page, "dialog for the position");
    await write(page, "nowhere");
    await page.waitForSelector("dialog[open] [role=alert]");
    assert.equal(await page.$eval("dialog[open] .is-primary", (e) => e.disabled), true);
    await write(page, `48° 8' 14" N, 11° 34' 32" E`);
    await page.keyboard.press("Enter");
    await told(page, "1 item changed");
    isNear((await ask(page, `items/${id}`)).gps, 48.13722, 11.57556, 1e-4);
    // The place follows the position.
    await page.waitForSelector(".info dd ::-p-text(Munich)");
    await undo(page);
    assert.deepEqual((await ask(page, `items/${id}`)).gps, before);

    await press(page, ".info button ::-p-text(Change the position)");
    await press(page, "dialog[open] button ::-p-text(Remove the position)");
    await told(page, "1 item changed");
    assert.equal((await ask(page, `items/${id}`)).gps, undefined);
    await page.waitForSelector(".info button ::-p-text(Add a position)");
    await undo(page);
    assert.deepEqual((await ask(page, `items/${id}`)).gps, before);
  });
});

for (const size of [sizes.desktop, sizes.phone])
  test(`a click on the map sets the position of selected photos (${size.width} px)`, async () => {
    await signedIn(browser, "photos?q=kyoto%20has:gps", { size }, async (page) => {
      await photos(page);
      const ids = await page.$$eval(".tile", (all) =>
        all.slice(0, 2).map((tile) => Number(/item\/(\d+)/.exec(tile.getAttribute("href"))[1])),
      );
      const before = await Promise.all(ids.map(async (id) => (await ask(page, `items/${id}`)).gps));
      await page.focus(".tile[data-position='0']");
      await page.keyboard.press("x");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("x");
      await page.waitForSelector(".action-bar strong ::-p-text(2 selected)");
      await fits(page, size);
      await page.click('.action-bar button[aria-label="Position"]');
      await mapDrawn(page);
      const [x, y] = await middle(page, "dialog[open] .map-chart");
      if (size.hasTouch) await page.touchscreen.tap(x, y);
      else await page.mouse.click(x, y);
      // The middle of the map of the world.
      await page.waitForSelector("dialog[open] .map-pin");
      const [lat, lon] = (await typed(page)).split(",").map(Number);
      isNear({ lat, lon }, 25, 10, 3);
      await accessible(page, "dialog for the position of several items");
      // Keys: the arrow moves the map, Enter chooses its middle.
      await page.focus("dialog[open] .map-chart");
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Enter");
      await page.waitForFunction(
        (east) => Number(document.querySelector("input[name=position]").value.split(",")[1]) > east + 5,
        {},
        lon,
      );
      const chosen = (await typed(page)).split(",").map(Number);
      await page.click("dialog[open] .is-primary");
      await told(page, "2 items changed");
      for (const id of ids) isNear((await ask(page, `items/${id}`)).gps, ...chosen, 1e-4);
      await undo(page);
      for (const [i, id] of ids.entries()) assert.deepEqual((await ask(page, `items/${id}`)).gps, before[i]);
    });
  });

test("the map shows a photo at its new position", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await openFound(page, "kyoto has:gps");
    await page.keyboard.press("i");
    await press(page, ".info button ::-p-text(Change the position)");
    await page.waitForSelector("dialog[open] input[name=position]");
    // The middle of the South Pacific, where no other photo is.
    await write(page, "-48.5, -123.4");
    const answer = page.waitForResponse((response) => response.url().endsWith("/items/edit"));
    await page.keyboard.press("Enter");
    const edited = await (await answer).json();
    await page.waitForSelector(".info dd ::-p-text(-48.50000, -123.40000)");
    await page.click(".mini-map");
    await page.waitForSelector(".map-marker img");
    assert.match(page.url(), /at=-48\.5/);
    assert.match(await text(page, ".map-list p"), /^1 photo/);
    await takeBack(page, edited.undo);
  });
});
