// Chromium for the tests: one browser a file, a fresh profile a page, and a list of what went wrong in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

export const portal = {
  url: process.env.PORTAL_URL ?? "",
  account: process.env.PORTAL_ACCOUNT ?? "",
  password: process.env.PORTAL_PASSWORD ?? "",
};
/** Another account, which sees the shared library only. */
export const second = {
  account: process.env.PORTAL_SECOND ?? "",
  password: process.env.PORTAL_SECOND_PASSWORD ?? "",
};

const phone = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const tablet = { width: 820, height: 1180, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const desktop = { width: 1440, height: 900 };
export const sizes = { phone, desktop };
export const allSizes = { phone, tablet, desktop };

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function launch() {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.stdout.write("# Chromium runs without its sandbox, which root cannot use\n");
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...(isRoot ? ["--no-sandbox"] : []),
      // WebGL by software, as there is no graphics processor.
      "--use-gl=angle",
      "--use-angle=swiftshader",
      "--enable-unsafe-swiftshader",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--lang=en-GB",
    ],
  });
}

/**
 * A page of a profile of its own. `faults` gathers console errors, CSP violations, page errors and foreign addresses.
 * `expected`: a pattern of console messages that the test causes.
 */
export async function open(browser, { size = desktop, scheme = "light", expected } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setExtraHTTPHeaders({ "Accept-Language": "en-GB" });
  page.setDefaultTimeout(60_000);
  await page.setViewport(size);
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: scheme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  const faults = [];
  const origin = new URL(portal.url).origin;
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    // The first question, who is signed in, is answered with 401 where no session is.
    const isFirstQuestion = /status of 401/.test(message.text());
    const isExpected = isFirstQuestion || expected?.test(message.text());
    if (["error", "warn"].includes(message.type()) && !isExpected)
      faults.push(`console: ${message.text()} ${message.location().url ?? ""}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob|about|chrome):/.test(url))
      faults.push(`foreign address: ${url}`);
  });
  return { page, faults, close: () => context.close() };
}

export async function signIn(page, path = "", { account = portal.account, password = portal.password } = {}) {
  await page.goto(new URL(path, portal.url).href);
  await page.waitForSelector("input[name=account]");
  await page.type("input[name=account]", account);
  await page.type("input[name=password]", password);
  await page.click("button[type=submit]");
}

/** Clicks an element once it is there. */
export const press = async (page, selector) => (await page.waitForSelector(selector)).click();

/** Waits for a message with these words. */
export const told = (page, words) => page.waitForSelector(`.toast ::-p-text(${words})`);

/** Undoes the last edit by its message. */
export async function undo(page) {
  await page.click(".toast-action");
  await told(page, "undone");
}

/** Undoes an edit whose message is gone. */
export const takeBack = (page, token) =>
  page.evaluate(async (undo) => {
    const body = JSON.stringify({ undo });
    const headers = { "Content-Type": "application/json" };
    const { status } = await fetch("api/v1/undo", { method: "POST", headers, body });
    if (status !== 200) throw new Error(`undo: ${status}`);
  }, token);

/** A response of the API, read in the page. */
export const ask = (page, path) => page.evaluate(async (p) => (await fetch(`api/v1/${p}`)).json(), path);

/** Runs a test in a page of its own, signed in, and fails on whatever went wrong in the page. */
export async function signedIn(browser, path, options, run) {
  const { page, faults, close } = await open(browser, options);
  try {
    await options.before?.(page);
    await signIn(page, path, options.as);
    await run(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

export const text = (page, selector) => page.$eval(selector, (e) => e.textContent);

/** Fails where the page is wider than the screen: a phone would then show it smaller. */
export async function fits(page, { width }) {
  const wide = await page.evaluate(() => Math.max(innerWidth, document.documentElement.scrollWidth));
  assert.ok(wide <= width, `the page is ${wide} pixels wide on a screen of ${width}: ${page.url()}`);
}

/** Waits until the picture of a tile is there. */
export const photos = (page) => page.waitForSelector(".tile.is-loaded");

/** Opens a list at an item that the portal finds by a search. */
export async function openFound(page, query) {
  await photos(page);
  const id = await page.evaluate(async (q) => {
    const answer = await fetch(`api/v1/items?limit=1&q=${encodeURIComponent(q)}`);
    return (await answer.json()).items[0]?.id;
  }, query);
  assert.ok(id !== undefined, `the demo has no item for ${query}`);
  await page.goto(new URL(`photos/item/${id}`, portal.url).href);
  await page.waitForSelector(".pswp--open");
  await page.waitForSelector(".viewer-bar-actions button[aria-label=Information]");
  return id;
}

/** Fingers on the screen, as the browser sees them: each step is a list of points. */
export async function touch(page, steps, { hold = 0 } = {}) {
  const client = await page.createCDPSession();
  const points = (step) => step.map(([x, y], id) => ({ x, y, id }));
  await client.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: points(steps[0]) });
  if (hold > 0) await new Promise((resolve) => setTimeout(resolve, hold));
  for (const step of steps.slice(1)) {
    await client.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: points(step) });
    // Fingers move over several frames.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
  }
  await client.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await client.detach();
}

/** The middle of an element on the screen. */
export const middle = (page, selector, index = 0) =>
  page.$$eval(
    selector,
    (all, i) => {
      const box = all[i].getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    },
    index,
  );

/** Fails on findings of axe-core that are serious or worse. */
export async function accessible(page, where) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  const serious = result.violations.filter((v) => ["serious", "critical"].includes(v.impact ?? ""));
  const lines = serious.map(
    (v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")}`,
  );
  assert.deepEqual(lines, [], `axe-core on ${where}`);
}
