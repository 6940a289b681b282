import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, launch, middle, photos, signedIn, sizes, text, touch } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const selected = (page, count) =>
  page.waitForFunction(
    (n) =>
      n === 0
        ? document.querySelector(".action-bar") === null
        : document.querySelector(".action-bar strong")?.textContent?.startsWith(`${n} `),
    {},
    count,
  );

test("the mouse selects one, a range, a day; Escape lets go of all", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.hover(".tile[data-position='0']");
    await page.click(".tile[data-position='0'] .tile-check");
    await selected(page, 1);
    await accessible(page, "selection");
    await page.keyboard.down("Shift");
    await page.click(".tile[data-position='4']");
    await page.keyboard.up("Shift");
    await selected(page, 5);
    await page.click(".tile[data-position='2']");
    await selected(page, 4);
    assert.equal((await page.$$(".tile.is-selected")).length, 4);
    await page.keyboard.press("Escape");
    await selected(page, 0);
    await page.hover(".grid-section .tile");
    await page.click(".grid-section .day-check");
    const ofDay = await page.$$eval(".grid-section:first-child .tile", (all) => all.length);
    await page.waitForSelector(".day-check[aria-pressed=true]");
    assert.ok((await page.$$(".tile.is-selected")).length >= Math.min(ofDay, 1));
    await page.click(".grid-section .day-check");
    await selected(page, 0);
  });
});

test("keys select: x, shift x, all", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await selected(page, 1);
    for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("X", { text: "x" });
    await page.keyboard.press("Escape");
    await selected(page, 0);
    await page.keyboard.down("Control");
    await page.keyboard.press("a");
    await page.keyboard.up("Control");
    await page.waitForSelector(".action-bar strong");
    const count = Number.parseInt((await text(page, ".action-bar strong")).replace(/\D/g, ""), 10);
    const all = await page.evaluate(async () => {
      const { days, undated } = await (await fetch("api/v1/timeline")).json();
      return days.reduce((sum, day) => sum + day.count, undated);
    });
    assert.equal(count, all);
  });
});

test("a long press selects, and a drag from there selects what it passes (390 px)", async () => {
  await signedIn(browser, "", { size: sizes.phone }, async (page) => {
    await photos(page);
    const from = await middle(page, ".tile", 0);
    const to = await middle(page, ".tile", 4);
    const between = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    await touch(page, [[from], [between], [to]], { hold: 700 });
    await selected(page, 5);
    // The tap after it selects, too, and opens nothing.
    const [x, y] = await middle(page, ".tile", 4);
    await page.touchscreen.tap(x, y);
    await selected(page, 4);
    assert.equal(await page.$(".pswp"), null);
    await accessible(page, "selection on a phone");
  });
});

test("selected files are downloaded one by one, and too many are refused in words", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.evaluate(() => {
      globalThis.saved = [];
      document.addEventListener("click", (event) => {
        const link = event.target.closest?.("a[download]");
        if (!link) return;
        event.preventDefault();
        globalThis.saved.push(link.href);
      });
    });
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await selected(page, 1);
    await page.click('.action-bar button[aria-label="Download the original"]');
    const saved = await page.evaluate(() => globalThis.saved);
    assert.equal(saved.length, 1);
    assert.match(saved[0], /items\/\d+\/original\?download=1$/);
    await page.keyboard.down("Control");
    await page.keyboard.press("a");
    await page.keyboard.up("Control");
    await page.waitForFunction(
      () => !document.querySelector(".action-bar strong")?.textContent?.startsWith("1 "),
    );
    await page.click('.action-bar button[aria-label="Download the original"]');
    await page.waitForSelector(".toast");
    assert.match(await text(page, ".toast"), /At most 20/);
  });
});
