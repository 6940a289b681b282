import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fits, launch, open, photos, portal, signedIn, signIn, sizes, text } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

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
    await signedIn(browser, "", { size }, async (page) => {
      await photos(page);
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
      await photos(page);
      assert.ok((await tiles()) < 300);
      await fits(page, size);
      await accessible(page, "timeline");
    });
  });
}

test("months and years show more on a screen, and the day at the top stays there", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    const count = () => page.$$eval(".tile", (all) => all.length);
    const byDay = await count();
    await page.evaluate(() => {
      document.querySelector(".grid-scroller").scrollTop = 4000;
    });
    await page.waitForFunction(() => document.querySelector(".grid-scroller").scrollTop >= 3900);
    await photos(page);
    const level = async (name) => {
      const button = await page.waitForSelector(`.levels button ::-p-text(${name})`);
      await button.click();
    };
    /** The year that the topmost heading names. */
    const topYear = () => {
      const shown = [...document.querySelectorAll(".grid-heading")].filter(
        (h) => h.getBoundingClientRect().bottom > 60,
      );
      return /\d{4}/.exec(shown[0]?.textContent ?? "")?.[0];
    };
    const before = await (await page.waitForFunction(topYear)).jsonValue();
    assert.match(before, /^20\d\d$/);
    for (const [name, query] of [
      ["Months", "by=month"],
      ["Years", "by=year"],
    ]) {
      await level(name);
      await page.waitForFunction((q) => location.search.includes(q), {}, query);
      await photos(page);
      await page.waitForFunction(`(${topYear})() === ${JSON.stringify(before)}`);
    }
    await page.waitForFunction((n) => document.querySelectorAll(".tile").length > n, {}, byDay);
  });
});

test("arrow keys move through the grid, Enter opens, back closes and gives the focus back", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    const position = await page.$eval(".tile:focus", (e) => Number(e.dataset.position));
    assert.ok(position > 1);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".pswp--open");
    await page.goBack();
    await page.waitForSelector(".pswp--open", { hidden: true });
    await page.waitForFunction((p) => document.activeElement?.dataset.position === String(p), {}, position);
  });
});

test("after signing out nothing of the library is left on the screen", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.click("a.tab[href=folders]");
    await page.waitForSelector(".folder-row");
    await page.click("a.tab[href=photos]");
    await photos(page);
    await page.click(".app-bar .menu > .icon-button");
    await page.click(".is-sign-out");
    await page.waitForSelector("input[name=account]");
    assert.equal(await page.$(".tile"), null);
    await page.goBack();
    await page.waitForSelector("input[name=account]");
    assert.equal(await page.$(".tile"), null);
  });
});
