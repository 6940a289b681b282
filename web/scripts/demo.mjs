// The demo for browser tests and pictures: the real portal, engine and library, started unless ALBUMEN_PORTAL has the three
// lines of one that runs.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = process.env.DEMO_FOLDER ?? "target/demo-test";

/** The browser, or the end of the program. */
export function chromium() {
  const path = process.env.CHROMIUM ?? "/usr/bin/chromium";
  if (existsSync(path)) return path;
  process.stderr.write(`web: there is no Chromium at ${path}; scripts/setup.sh test installs it\n`);
  process.exit(1);
}

/** The values of the lines `portal:`, `account:`, `password:`. */
function values(text) {
  const value = (name) => new RegExp(`^${name}: (.+)$`, "m").exec(text)?.[1];
  const found = { url: value("portal"), account: value("account"), password: value("password") };
  return found.url && found.account && found.password ? found : undefined;
}

/** Starts the demo and waits for its lines. */
function start() {
  const demo = spawn("../scripts/demo.sh", {
    cwd: root,
    env: {
      ...process.env,
      DEMO_STAY: "1",
      DEMO_PROFILE: process.env.DEMO_PROFILE ?? "dev",
      DEMO_FOLDER: folder,
      // A third of the photos: enough to scroll, and indexed in a minute or two without optimisation.
      DEMO_EVERY: process.env.DEMO_EVERY ?? "3",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let text = "";
    demo.stdout.on("data", (chunk) => {
      text += chunk;
      process.stdout.write(chunk);
      const found = values(text);
      if (found) resolve({ demo, found });
    });
    demo.on("exit", (code) => reject(new Error(`the demo ended with ${code} before it was ready`)));
  });
}

/** Runs a function with the demo's environment variables, and ends the demo. */
export async function withDemo(run) {
  const given = values(process.env.ALBUMEN_PORTAL ?? "");
  const { demo, found } = given ? { found: given } : await start();
  demo?.removeAllListeners("exit");
  try {
    await run({
      CHROMIUM: chromium(),
      PORTAL_URL: found.url,
      PORTAL_ACCOUNT: found.account,
      PORTAL_PASSWORD: found.password,
      // The demo's second account.
      PORTAL_LIBRARY: join(root, "..", folder, "photos/shared"),
      PORTAL_SECOND: "ben",
      PORTAL_SECOND_PASSWORD: readFileSync(join(root, "..", folder, "ben.password"), "utf8").trim(),
    });
  } finally {
    demo?.kill("SIGTERM");
  }
}
