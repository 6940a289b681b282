import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, allSizes, fits, launch, photos, portal, signedIn, text } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Every page and what it must show of the demo. */
const PAGES = [
  ["photos", ".tile.is-loaded"],
  ["photos?by=month", ".tile.is-loaded"],
  ["photos?q=kyoto", ".chips .chip"],
  ["folders", ".folder-row"],
  ["folders/Family", ".sub-folders .cover-tile img"],
  ["folders/Family/2019/2019-04%20Kyoto", ".tile.is-loaded"],
  ["albums", ".collection"],
  ["people", ".person, .empty"],
  ["people/hidden", ".person, .empty"],
  ["people/questions", ".question, .empty"],
  ["places", ".place-country .cover-tile"],
  ["places/map", ".map-marker img"],
  ["problems", ".problems li"],
  ["subjects", ".cover-tile, .empty"],
  ["tags", ".cover-tile, .empty"],
  ["favourites", ".tile.is-loaded, .empty"],
  ["videos", ".tile.is-loaded"],
  ["recent", ".tile.is-loaded"],
  ["preferences", ".settings"],
  ["nowhere", ".empty"],
];

for (const [name, size] of Object.entries(allSizes)) {
  const scheme = name === "tablet" ? "dark" : "light";
  test(`every page fits and is accessible (${name}, ${scheme})`, async () => {
    await signedIn(browser, "", { size, scheme }, async (page) => {
      await photos(page);
      for (const [path, selector] of PAGES) {
        await page.goto(new URL(path, portal.url).href);
        await page.waitForSelector(selector);
        await fits(page, size);
        await accessible(page, path);
      }
    });
  });
}

test("folders lead to photos, the tree shows where one is, and the order is remembered", async () => {
  await signedIn(browser, "folders", {}, async (page) => {
    await page.waitForSelector(".folder-list .folder-row");
    await page.click(".folder-list a[href='folders/Family']");
    await page.waitForSelector(".sub-folders a[href='folders/Family/2019']");
    await page.click(".sub-folders a[href='folders/Family/2019']");
    await page.waitForSelector(".sub-folders a[href*=Kyoto]");
    await page.click(".sub-folders a[href*=Kyoto]");
    await photos(page);
    assert.match(await text(page, ".folder-tree a[aria-current=page]"), /Kyoto/);
    const first = () => page.$eval(".tile[data-position='0']", (e) => e.getAttribute("href"));
    const newest = await first();
    await page.select(".tools select", "taken");
    await page.waitForFunction(
      (h) => document.querySelector(".tile[data-position='0']")?.getAttribute("href") !== h,
      {},
      newest,
    );
    await page.reload();
    await photos(page);
    assert.equal(await page.$eval(".tools select", (e) => e.value), "taken");
    await page.click(".tile");
    await page.waitForSelector(".pswp--open");
    assert.match(page.url(), /Kyoto\?item=\d+/);
    await page.keyboard.press("Escape");
    await page.waitForSelector(".viewer", { hidden: true });
    await page.select(".tools select", "-taken");
    await page.waitForFunction(
      (h) => document.querySelector(".tile[data-position='0']")?.getAttribute("href") === h,
      {},
      newest,
    );
  });
});

for (const size of [allSizes.desktop, allSizes.phone])
  test(`a folder is a list with names, which is remembered (${size.width} px)`, async () => {
    await signedIn(browser, "folders/Family/2019", { size }, async (page) => {
      await page.waitForSelector(".sub-folders a[href*=Kyoto]");
      await page.click('.view-switch button[aria-label="List with names"]');
      await page.waitForSelector(".folder-list .folder-row[href*=Kyoto]");
      await page.click(".folder-list .folder-row[href*=Kyoto]");
      await page.waitForFunction(
        () => document.querySelector(".tile.is-row .row-size")?.textContent?.endsWith("kB") === true,
      );
      await photos(page);
      const rows = await page.$$eval(".tile.is-row", (all) =>
        all.slice(0, 3).map((row) => [row.getBoundingClientRect().width, row.textContent]),
      );
      assert.ok(rows.length === 3 && rows.every(([width]) => width > size.width / 3), `${rows}`);
      assert.match(rows[0][1], /\.JPG.*2019.* kB/i);
      await fits(page, size);
      await accessible(page, "list of a folder");
      // As in the grid: keys move, select and open.
      await page.focus(".tile[data-position='0']");
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("x");
      await page.waitForSelector(".tile.is-selected[data-position='1']");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".pswp--open");
      await page.keyboard.press("Escape");
      await page.waitForSelector(".viewer", { hidden: true });
      await page.reload();
      await page.waitForSelector(".tile.is-row");
      await page.click('.view-switch button[aria-label="Pictures"]');
      await page.waitForSelector(".tile:not(.is-row)");
      assert.equal(await page.$(".tile.is-row"), null);
    });
  });

test("the language, the theme and the lock are preferences", async () => {
  await signedIn(browser, "preferences", {}, async (page) => {
    await page.waitForSelector(".settings");
    await page.select("select[name=language]", "de");
    await page.waitForFunction(() => document.documentElement.lang === "de");
    assert.equal(await text(page, "h1"), "Einstellungen");
    await page.select("select[name=language]", "");
    await page.waitForFunction(() => document.documentElement.lang === "en");
    await page.select("select[name=theme]", "dark");
    await page.waitForSelector("html[data-theme=dark]");
    await page.select("select[name=theme]", "system");

    await page.select("select[name=lock]", "5");
    await page.waitForResponse((r) => r.url().endsWith("/preferences") && r.request().method() === "PATCH");
    await page.goto(portal.url);
    // Locked at the start: nothing of the library is in the page.
    await page.waitForSelector("h1 ::-p-text(Albumen is locked)");
    assert.equal(await page.$(".tile, .app-bar"), null);
    await accessible(page, "lock");
    await page.type("input[name=password]", portal.password);
    await page.keyboard.press("Enter");
    await photos(page);
    await page.goto(new URL("preferences", portal.url).href);
    await page.waitForSelector("input[name=password]");
    await page.type("input[name=password]", portal.password);
    await page.keyboard.press("Enter");
    await page.waitForSelector("select[name=lock]");
    await page.select("select[name=lock]", "");
    await page.waitForResponse((r) => r.url().endsWith("/preferences") && r.request().method() === "PATCH");
  });
});
