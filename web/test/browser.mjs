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

const phone = { width: 390, height: 844, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const desktop = { width: 1440, height: 900 };
export const sizes = { phone, desktop };

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function launch() {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.stdout.write("# Chromium runs without its sandbox, which root cannot use\n");
  return puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...(isRoot ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--lang=en-GB",
    ],
  });
}

/** A page of a profile of its own. `faults` gathers console errors, CSP violations, page errors and foreign addresses. */
export async function open(browser, { size = desktop, scheme = "light" } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
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
    if (["error", "warn"].includes(message.type()) && !isFirstQuestion)
      faults.push(`console: ${message.text()}`);
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
