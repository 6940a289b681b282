import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, photos, portal, second, signedIn, signIn } from "./browser.mjs";

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

/** Addresses of the application that show something of the library. */
const PAGES = [
  "photos",
  "photos?by=year",
  "folders",
  "people",
  "people/hidden",
  "people/questions",
  "places",
  "places/map",
  "problems",
  "albums",
  "videos",
  "recent",
  "photos?q=garden",
];

/** One of these is there once a page is complete. */
const SHOWN = [
  ".tile.is-loaded",
  ".empty",
  ".folder-row",
  ".tiles",
  ".people-grid",
  ".map-marker",
  ".problems li",
].join();

test("a second account sees nothing of what belongs to the first one alone", async () => {
  // Anna's own photos are those of 2025, in the garden.
  let own = [];
  await signedIn(browser, "", {}, async (page) => {
    await photos(page);
    own = await page.evaluate(async () => {
      const answer = await (await fetch("api/v1/items?space=anna&limit=500")).json();
      return answer.items.map((item) => item.id);
    });
  });
  assert.ok(own.length > 5);

  const { page, faults, close } = await open(browser);
  const answers = [];
  // The stream of events does not end while the page is open.
  page.on("response", (response) => {
    if (response.url().includes("/api/v1/") && !/thumbnail|original|events/.test(response.url()))
      answers.push(response.text().catch(() => ""));
  });
  await signIn(page, "", second);
  await photos(page);
  await page.waitForNetworkIdle({ concurrency: 1 });
  for (const path of PAGES) {
    await page.goto(new URL(path, portal.url).href);
    await page.waitForSelector(SHOWN);
    // A body that the page leaves never ends. One connection is the stream of events.
    await page.waitForNetworkIdle({ concurrency: 1 });
    const words = await page.evaluate(() => document.body.textContent);
    assert.doesNotMatch(words, /\banna\b|2025|2025-06 Garden/i, path);
  }
  for (const answer of await Promise.all(answers)) {
    assert.doesNotMatch(answer, /"anna"|2025-06 Garden/);
    const ids =
      answer
        .match(/"ids":\[[\d,]*\]/)?.[0]
        .match(/\d+/g)
        ?.map(Number) ?? [];
    assert.deepEqual(
      ids.filter((id) => own.includes(id)),
      [],
    );
  }
  assert.deepEqual(faults, []);
  // An item that is not his is as one that is not there.
  for (const id of [own[0], 999_999_999]) {
    const status = await page.evaluate(async (n) => (await fetch(`api/v1/items/${n}`)).status, id);
    assert.equal(status, 404);
  }
  await close();
});
