import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, launch, open, portal, signIn, sizes } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Runs a test in a page of its own, signed in, and fails on whatever went wrong in the page. */
async function signedIn(path, options, run) {
  const { page, faults, close } = await open(browser, options);
  try {
    await signIn(page, path);
    await run(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

const text = (page, selector) => page.$eval(selector, (e) => e.textContent);

test("a wrong password is refused in words, and the right one opens the address that was asked for", async () => {
  const { page, faults, close } = await open(browser);
  await signIn(page, "folders", { password: "wrong" });
  await page.waitForSelector("[role=alert]");
  assert.match(await text(page, "[role=alert]"), /password is not right/);
  await accessible(page, "sign in");
  await page.$eval("input[name=password]", (e) => {
    e.value = "";
  });
  await page.type("input[name=password]", portal.password);
  await page.click("button[type=submit]");
  await page.waitForSelector(".folder-row");
  assert.equal(new URL(page.url()).pathname.split("/").pop(), "folders");
  assert.deepEqual(faults, []);
  await close();
});

for (const [name, size] of Object.entries(sizes)) {
  test(`the timeline shows pictures by day and few elements, from end to end (${name})`, async () => {
    await signedIn("", { size }, async (page) => {
      await page.waitForSelector(".tile.is-loaded");
      assert.ok((await text(page, ".grid-heading")).length > 3);
      const tiles = () => page.$$eval(".tile", (all) => all.length);
      assert.ok((await tiles()) < 300);
      const first = await text(page, ".grid-heading");
      await page.focus(".scrubber");
      await page.keyboard.press("End");
      await page.waitForFunction(
        (f) => ![...document.querySelectorAll(".grid-heading")].some((h) => h.textContent === f),
        {},
        first,
      );
      await page.waitForSelector(".tile.is-loaded");
      assert.ok((await tiles()) < 300);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} pixels wider than the screen`);
      await accessible(page, "timeline");
    });
  });
}

test("the viewer opens, leafs, shows facts, and gives the focus back", async () => {
  await signedIn("", {}, async (page) => {
    await page.waitForSelector(".tile.is-loaded");
    await page.click(".tile");
    await page.waitForSelector(".pswp__img");
    const opened = page.url();
    assert.match(opened, /photos\/item\/\d+/);
    await page.keyboard.press("i");
    await page.waitForSelector(".info dd");
    await accessible(page, "viewer");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((url) => location.href !== url, {}, opened);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.classList.contains("tile"));
    assert.doesNotMatch(page.url(), /item/);
  });
});

test("arrow keys move through the grid, Enter opens, back closes", async () => {
  await signedIn("", {}, async (page) => {
    await page.waitForSelector(".tile.is-loaded");
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    const position = await page.$eval(".tile:focus", (e) => Number(e.dataset.position));
    assert.ok(position > 1);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".pswp--open");
    await page.goBack();
    await page.waitForSelector(".pswp--open", { hidden: true });
  });
});

test("a search narrows the timeline, and says so when it finds nothing", async () => {
  await signedIn("", {}, async (page) => {
    await page.waitForSelector(".tile");
    await page.type(".search-input", "kyoto");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.search.includes("kyoto"));
    await page.waitForSelector(".tile.is-loaded");
    const headings = await page.$$eval(".grid-heading", (all) => all.map((h) => h.textContent ?? ""));
    assert.ok(
      headings.every((h) => h.includes("2019")),
      headings.join(", "),
    );
    await page.click(".search .icon-button");
    await page.type(".search-input", "nosuchwordanywhere");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".empty h2");
    assert.match(await text(page, ".empty h2"), /nosuchwordanywhere/);
  });
});

test("folders lead to photos, people are listed", async () => {
  await signedIn("folders", {}, async (page) => {
    await page.waitForSelector(".folder-row");
    await page.click(".folder-row");
    await page.waitForSelector(".folder-count");
    await accessible(page, "folders");
    await page.click(".folder-list .folder-row");
    await page.waitForSelector(".folder-list .folder-row, .item-tile img");
    await page.click("a.tab[href^=people]");
    await page.waitForSelector(".person, .empty");
    await accessible(page, "people");
  });
});

test("dark pages are as readable as light ones", async () => {
  await signedIn("", { scheme: "dark" }, async (page) => {
    await page.waitForSelector(".tile.is-loaded");
    await accessible(page, "dark timeline");
  });
});

test("after signing out nothing of the library is left on the screen", async () => {
  await signedIn("", {}, async (page) => {
    await page.waitForSelector(".tile.is-loaded");
    await page.click(".menu > .icon-button");
    await page.click(".menu-panel .button");
    await page.waitForSelector("input[name=account]");
    assert.equal(await page.$(".tile"), null);
    await page.goBack().catch(() => null);
    await page.waitForSelector("input[name=account]");
    assert.equal(await page.$(".tile"), null);
  });
});
