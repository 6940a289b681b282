import assert from "node:assert/strict";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, launch, photos, press, signedIn, text } from "./browser.mjs";

const library = process.env.PORTAL_LIBRARY ?? "";
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test("a new photo is announced, and an administrator sees that the engine works", async () => {
  const folder = join(library, "Scans");
  const [some] = readdirSync(folder);
  const [photo] = readdirSync(join(folder, some)).filter((name) => name.endsWith(".jpg"));
  const copy = join(library, "added by a test.jpg");
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    assert.equal(await page.$(".menu .is-marked"), null);
    try {
      copyFileSync(join(folder, some, photo), copy);
      await page.waitForSelector(".menu .is-marked");
      await page.click(".menu .is-marked");
      await page.waitForSelector(".indexing");
      assert.match(await text(page, ".indexing"), /\d+ files? ready/);
      await accessible(page, "progress");
      await page.keyboard.press("Escape");
      await page.waitForSelector(".notice.is-action");
      await page.click(".notice.is-action");
      await page.waitForSelector(".notice.is-action", { hidden: true });
    } finally {
      rmSync(copy);
    }
    await page.waitForSelector(".notice.is-action");
  });
});

test("files with problems have a reason and lead to their folder", async () => {
  await signedIn(browser, "problems", {}, async (page) => {
    await page.waitForSelector(".problems li");
    const list = await text(page, ".problems");
    assert.match(list, /empty\.jpg.*the file is empty/s);
    await accessible(page, "problems");
    await page.click(".problems a");
    await page.waitForSelector(".trail");
    assert.match(await text(page, ".trail"), /Damaged files/);
  });
});

test("the facts show who is in a photo, where it was taken, and why its date was chosen", async () => {
  await signedIn(browser, "photos?q=has:faces", {}, async (page) => {
    await photos(page);
    await page.click(".tile");
    await page.waitForSelector(".pswp__img");
    await page.keyboard.press("i");
    await page.waitForSelector(".info-faces .face img");
    await page.waitForSelector(".mini-map canvas[data-state=drawn]");
    await page.click(".info-why summary");
    assert.match(await text(page, ".info-why"), /file:mtime/);
    await accessible(page, "facts with faces");
    await page.click(".info-faces button");
    await press(page, "dialog[open] .menu-entry ::-p-text(All photos of this person)");
    await page.waitForSelector(".person-head");
  });
});
