import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, ask, launch, photos, portal, signedIn, told, undo } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const item = (page, id) => ask(page, `items/${id}`);

test("title, rating and tags are edited in the facts, and an edit is undone", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.click(".tile");
    await page.waitForSelector(".pswp__img");
    const id = Number(page.url().split("/").pop());
    await page.keyboard.press("i");
    await page.waitForSelector(".info input[name=title]");
    await page.type(".info input[name=title]", "A title");
    await page.keyboard.press("Tab");
    await told(page, "1 item changed");
    assert.equal((await item(page, id)).title, "A title");
    assert.match(page.url(), new RegExp(`/${id}$`), "typing is not leafing");
    await undo(page);
    assert.equal((await item(page, id)).title, undefined);

    await page.type(".info input[name=tag]", "by the sea");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".info .chip ::-p-text(by the sea)");
    await accessible(page, "facts with a tag");
    await page.click('.info .chip button[aria-label="Remove tag by the sea"]');
    await page.waitForFunction(() => !document.querySelector(".info .chip button"));

    await page.click('.info .star[aria-label="4 stars"]');
    await page.waitForSelector('.info .star[aria-label="4 stars"][aria-pressed=true]');
    assert.equal((await item(page, id)).rating, 4);
    await page.click('.info .star[aria-label="4 stars"]');
    await page.waitForSelector('.info .star[aria-label="4 stars"][aria-pressed=false]');
  });
});

test("a favourite is marked by a key, listed, and taken back", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.click(".tile");
    await page.waitForSelector('.viewer-bar button[aria-label="Favourite"][aria-pressed=false]');
    const id = Number(page.url().split("/").pop());
    await page.keyboard.press("f");
    await page.waitForSelector('.viewer-bar button[aria-label="Favourite"][aria-pressed=true]');
    await page.goto(new URL("favourites", portal.url).href);
    await page.waitForSelector(`.tile[href*="item=${id}"]`);
    await page.waitForSelector(".badge-favourite");
    await page.click(".tile");
    await page.waitForSelector('.viewer-bar button[aria-label="Favourite"][aria-pressed=true]');
    await page.keyboard.press("f");
    await page.waitForSelector('.viewer-bar button[aria-label="Favourite"][aria-pressed=false]');
  });
});

test("selected photos are tagged together, and that is undone", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("x");
    await page.waitForSelector(".action-bar strong ::-p-text(2 selected)");
    await page.click('.action-bar button[aria-label="Tags"]');
    await page.waitForSelector("dialog[open] input");
    await accessible(page, "dialog for tags");
    await page.type("dialog[open] input", "family, summer");
    await page.keyboard.press("Enter");
    await told(page, "2 items changed");
    const tags = () => page.evaluate(async () => (await (await fetch("api/v1/tags")).json()).tags);
    assert.deepEqual(
      (await tags()).map((tag) => [tag.name, tag.items]),
      [
        ["family", 2],
        ["summer", 2],
      ],
    );
    await undo(page);
    assert.deepEqual(await tags(), []);
  });
});

test("dates are shifted, and that is undone", async () => {
  await signedIn(browser, "photos?q=kyoto", {}, async (page) => {
    await photos(page);
    const id = await page.$eval(".tile", (e) => Number(/item\/(\d+)/.exec(e.getAttribute("href"))?.[1]));
    const before = (await item(page, id)).taken.local;
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await page.waitForSelector(".action-bar");
    await page.click('.action-bar button[aria-label="Capture date"]');
    await page.waitForSelector("dialog[open] input[name=hours]");
    await page.type("dialog[open] input[name=hours]", "1");
    await page.keyboard.press("Enter");
    await told(page, "1 item changed");
    const after = (await item(page, id)).taken.local;
    assert.equal(Date.parse(`${after}Z`) - Date.parse(`${before}Z`), 3_600_000);
    await undo(page);
    assert.equal((await item(page, id)).taken.local, before);
  });
});

test("an album is made of selected photos, renamed, emptied of one, and deleted", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("x");
    await page.waitForSelector(".action-bar strong ::-p-text(2 selected)");
    await page.click('.action-bar button[aria-label="Add to album"]');
    await page.waitForSelector("dialog[open] input[name=album]");
    await page.type("dialog[open] input[name=album]", "Best of all");
    await page.keyboard.press("Enter");
    await told(page, "2 items added");
    await page.click("a.tab[href=albums]");
    const tile = await page.waitForSelector(".cover-tile ::-p-text(Best of all)");
    await tile.click();
    await photos(page);
    await accessible(page, "album");
    assert.equal((await page.$$(".tile")).length, 2);
    await page.focus(".tile[tabindex='0']");
    await page.keyboard.press("x");
    await page.waitForSelector('.action-bar button[aria-label="Remove from the album"]');
    await page.click('.action-bar button[aria-label="Remove from the album"]');
    await page.waitForFunction(() => document.querySelectorAll(".tile").length === 1);
    await page.click(".page-head .menu > button");
    await (await page.waitForSelector(".menu-entry ::-p-text(Name and description)")).click();
    await page.waitForSelector("dialog[open] input[name=name]");
    await page.type("dialog[open] input[name=name]", " photos");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1 ::-p-text(Best of all photos)");
    await page.click(".page-head .menu > button");
    await (await page.waitForSelector(".menu-entry ::-p-text(Delete the album)")).click();
    await page.waitForSelector("dialog[open] .is-primary");
    await page.click("dialog[open] .is-primary");
    await page.waitForFunction(() => location.pathname.endsWith("/albums"));
    await page.waitForSelector(".empty");
  });
});
