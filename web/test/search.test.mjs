import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, launch, photos, signedIn, text } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

async function find(page, words) {
  await page.click(".search-input", { count: 3 });
  await page.type(".search-input", words);
  await page.keyboard.press("Enter");
  await page.waitForFunction((q) => new URLSearchParams(location.search).get("q") === q, {}, words);
}

test("a search narrows the timeline, chips take conditions away, and nothing found says so", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await find(page, "kyoto kind:photo");
    await page.waitForSelector(".chips .chip");
    await photos(page);
    const headings = await page.$$eval(".grid-heading", (all) => all.map((h) => h.textContent ?? ""));
    assert.ok(
      headings.every((h) => h.includes("2019")),
      headings.join(", "),
    );
    assert.equal((await page.$$(".chips .chip")).length, 2);
    await page.click('.chips button[aria-label="Remove kyoto"]');
    await page.waitForFunction(() => new URLSearchParams(location.search).get("q") === "kind:photo");
    await find(page, "nosuchwordanywhere");
    await page.waitForSelector(".empty h2");
    assert.match(await text(page, ".empty h2"), /nosuchwordanywhere/);
    await accessible(page, "nothing found");
  });
});

test("typing suggests places, keys choose one, and it becomes a condition", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.keyboard.press("/");
    await page.keyboard.type("kyo");
    await page.waitForSelector(".suggestion ::-p-text(Kyoto)");
    await accessible(page, "suggestions");
    await page.keyboard.press("ArrowDown");
    await page.waitForSelector(".suggestion.is-chosen");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => /kyoto/i.test(location.href));
    await page.waitForSelector(".tile.is-loaded, .folder-row");
  });
});

test("searches are remembered, and forgotten when asked", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    const noted = page.waitForResponse(
      (r) => r.url().endsWith("/searches") && r.request().method() === "POST",
    );
    await find(page, "lisbon");
    await noted;
    await page.click(".search button[aria-label='Clear search']");
    await photos(page);
    await page.click(".search-input");
    await page.waitForSelector(".suggestion ::-p-text(lisbon)");
    await page.click(".suggestion-forget");
    await page.waitForFunction(
      () => ![...document.querySelectorAll(".suggestion")].some((s) => s.textContent?.includes("lisbon")),
    );
  });
});

test("the filter panel counts values and writes the search", async () => {
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    await page.click('.search button[aria-label="Filters"]');
    await page.waitForSelector(".filter .chip");
    await accessible(page, "filters");
    const video = await page.waitForSelector(".filter .chip ::-p-text(Videos)");
    await video.click();
    await page.waitForSelector(".filter .chip[aria-pressed=true]");
    await page.waitForFunction(() =>
      /^Show \d+ items?$/.test(document.querySelector(".filter-end .is-primary").textContent),
    );
    await page.waitForFunction(() => {
      const all = [...document.querySelectorAll(".filter .chip[aria-pressed=true] .count")].map(
        (c) => c.textContent,
      );
      return all[0] === /\d+/.exec(document.querySelector(".filter-end .is-primary").textContent)?.[0];
    });
    const count = Number(/\d+/.exec(await text(page, ".filter-end .is-primary"))?.[0]);
    await page.click(".filter-end .is-primary");
    await page.waitForFunction(() => new URLSearchParams(location.search).get("q") === "kind:video");
    await photos(page);
    const found = await page.evaluate(async () => {
      const { days, undated } = await (await fetch("api/v1/timeline?q=kind:video")).json();
      return days.reduce((sum, day) => sum + day.count, undated);
    });
    assert.equal(found, count);
    assert.equal((await page.$$(".badge-video")).length, (await page.$$(".tile")).length);
  });
});
