// Pictures of the application with the demo library: those of docs/portal.md in docs/pictures, or with `--all` every page at
// three widths, light and dark, in target/pictures, for review.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, withDemo } from "./demo.mjs";

// Every photo of the demo library, with all of its pixels.
process.env.DEMO_PROFILE ??= "release";
process.env.DEMO_EVERY ??= "1";

/** Bytes of a picture of the documentation at most. */
const LARGEST = 200_000;

/** A page: its address, what must be there, and what is done before the picture is taken. */
const pages = {
  timeline: { path: "", wait: ".tile.is-loaded" },
  months: { path: "photos?by=month", wait: ".tile.is-loaded" },
  years: { path: "photos?by=year", wait: ".tile.is-loaded" },
  selection: {
    path: "",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.focus(".tile[tabindex='0']");
      for (let i = 0; i < 3; i++) {
        await page.keyboard.press("x");
        await page.keyboard.press("ArrowRight");
      }
    },
  },
  viewer: {
    path: "",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.click(".tile[data-position='2']");
      await page.waitForSelector(".pswp__img");
      await page.waitForSelector('.viewer-bar button[aria-label="Information"]');
    },
  },
  facts: {
    path: "photos?q=has:faces%20place:norway",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.click(".tile[data-position='0']");
      await page.waitForSelector(".pswp__img");
      await page.keyboard.press("i");
      await page.waitForSelector(".mini-map canvas[data-state=drawn]");
    },
  },
  folders: { path: "folders", wait: ".folder-row" },
  folder: { path: "folders/Family/2019/2019-04%20Kyoto", wait: ".tile.is-loaded" },
  "folder-list": { path: "folders/Family", wait: ".folder-list .folder-row" },
  albums: { path: "albums", wait: ".collections, .empty" },
  people: { path: "people", wait: ".person, .empty" },
  person: {
    path: "people",
    wait: ".person-link",
    act: async (page) => {
      await page.click(".person-link");
      await page.waitForSelector(".tile.is-loaded");
    },
  },
  questions: { path: "people/questions", wait: ".question, .empty" },
  "hidden-people": { path: "people/hidden", wait: ".person, .empty" },
  face: {
    path: "photos?q=has:faces",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.click(".tile[data-position='0']");
      await page.waitForSelector('.viewer-bar button[aria-label="Show faces"]');
      await page.keyboard.press("n");
      await page.waitForSelector(".face-box");
      await page.click(".face-box");
      await page.waitForSelector("dialog[open] .face img");
    },
  },
  position: {
    path: "",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.focus(".tile[tabindex='0']");
      await page.keyboard.press("x");
      await page.waitForSelector(".action-bar");
      await page.click('.action-bar button[aria-label="Position"]');
      await page.waitForSelector("dialog[open] .map-chart canvas");
    },
  },
  places: { path: "places", wait: ".place-country, .empty" },
  map: { path: "places/map?at=50,15,3.4", wait: ".map-marker img", act: mapIsDrawn },
  "folder-map": {
    path: "folders/Family/2019/2019-04%20Kyoto?view=map",
    wait: ".map-marker img",
    act: mapIsDrawn,
  },
  problems: { path: "problems", wait: ".problems li" },
  subjects: { path: "subjects", wait: ".cover-tile, .empty" },
  tags: { path: "tags", wait: ".cover-tile, .empty" },
  videos: { path: "videos", wait: ".tile.is-loaded, .empty" },
  favourites: { path: "favourites", wait: ".tile.is-loaded, .empty" },
  recent: { path: "recent", wait: ".tile.is-loaded, .empty" },
  search: { path: "photos?q=kyoto", wait: ".tile.is-loaded" },
  nothing: { path: "photos?q=nosuchword", wait: ".empty" },
  filters: {
    path: "photos?q=2023",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.click('.search button[aria-label="Filters"]');
      await page.waitForSelector(".filter .chip");
    },
  },
  suggestions: {
    path: "",
    wait: ".tile.is-loaded",
    act: async (page) => {
      await page.type(".search-input", "ky");
      await page.waitForSelector(".suggestion");
    },
  },
  preferences: { path: "preferences", wait: ".settings" },
};

/** Pictures of the documentation: page, size, scheme. */
const documented = [
  ["timeline", "desktop", "light"],
  ["timeline", "phone", "dark"],
  ["facts", "desktop", "light"],
  ["map", "desktop", "light"],
  ["filters", "desktop", "light"],
  ["selection", "phone", "light"],
];

/** Land is drawn, and the photos in view are listed. */
async function mapIsDrawn(page) {
  await page.waitForSelector(".map-list li img");
  await page.waitForFunction(() => {
    const canvas = document.querySelector(".map-chart canvas");
    const { data } = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1);
    return new Set(new Uint32Array(data.buffer)).size > 3;
  });
}

const isAll = process.argv.includes("--all");
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("--"));
await withDemo(async (variables) => {
  Object.assign(process.env, variables);
  // Reads where the demo is when it is loaded.
  const { allSizes, launch, open, signIn } = await import("../test/browser.mjs");
  const list = isAll
    ? Object.keys(pages).flatMap((page) =>
        Object.keys(allSizes).flatMap((size) => ["light", "dark"].map((scheme) => [page, size, scheme])),
      )
    : documented;
  const folder = join(root, isAll ? "../target/pictures" : "../docs/pictures");
  mkdirSync(folder, { recursive: true });
  const browser = await launch();
  const sessions = new Map();
  for (const [name, size, scheme] of list) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const key = `${size} ${scheme}`;
    if (!sessions.has(key)) {
      const one = await open(browser, { size: { ...allSizes[size], deviceScaleFactor: 1 }, scheme });
      await signIn(one.page);
      await one.page.waitForSelector(".tile.is-loaded");
      sessions.set(key, one);
    }
    const { page } = sessions.get(key);
    const { path, wait, act } = pages[name];
    await page.goto(new URL(path, process.env.PORTAL_URL).href);
    try {
      await page.waitForSelector(wait, { timeout: 60_000 });
      await act?.(page);
    } catch (error) {
      process.stderr.write(`screenshots: ${name}, ${key}: ${error.message}\n`);
      process.exitCode = 1;
    }
    await page.evaluate(async () => {
      // Lazy pictures that are off the screen are never loaded.
      const shown = [...document.images].filter((image) => image.getBoundingClientRect().top < innerHeight);
      await Promise.all(shown.map((image) => image.decode().catch(() => undefined)));
    });
    // Places beside the headings, where the page has any.
    if (path.startsWith("photos") || path === "")
      await page.waitForFunction(() => document.querySelector(".grid-note")?.textContent !== "");
    const file = join(folder, isAll ? `${name}-${size}-${scheme}.png` : `${name}-${size}.webp`);
    await page.screenshot(isAll ? { path: file } : { path: file, type: "webp", quality: 80 });
    if (!isAll && statSync(file).size > LARGEST) throw new Error(`${file} is larger than ${LARGEST} bytes`);
  }
  await browser.close();
});
