// Browser tests: starts the demo (the real portal, engine and library) unless ALBUMEN_PORTAL names one that runs, then runs
// test/*.test.mjs against it in Chromium. ALBUMEN_PORTAL has the three lines that `make demo` prints.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";

if (!existsSync(chromium)) {
  process.stderr.write(
    `web: browser tests need Chromium, and there is none at ${chromium}; scripts/setup.sh test installs it\n`,
  );
  process.exit(1);
}

/** The values of the lines `portal:`, `account:`, `password:`. */
function values(text) {
  const value = (name) => new RegExp(`^${name}: (.+)$`, "m").exec(text)?.[1];
  const found = { url: value("portal"), account: value("account"), password: value("password") };
  return found.url && found.account && found.password ? found : undefined;
}

const folder = process.env.DEMO_FOLDER ?? "target/demo-test";

/** Starts the demo and waits for its lines. */
function startDemo() {
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

const given = values(process.env.ALBUMEN_PORTAL ?? "");
const { demo, found } = given ? { found: given } : await startDemo();
demo?.removeAllListeners("exit");
const wanted = process.argv.slice(2);
try {
  const tests = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.mjs"));
  const chosen = tests.filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
  if (chosen.length === 0) throw new Error(`no file of web/test has one of ${wanted.join(", ")} in its name`);
  const env = {
    ...process.env,
    CHROMIUM: chromium,
    PORTAL_URL: found.url,
    PORTAL_ACCOUNT: found.account,
    PORTAL_PASSWORD: found.password,
    // The demo's second account.
    PORTAL_SECOND: "ben",
    PORTAL_SECOND_PASSWORD: readFileSync(join(root, "..", folder, "ben.password"), "utf8").trim(),
  };
  // One file after the other: each has a browser, and the machine may be small.
  for (const name of chosen) {
    const run = spawnSync(process.execPath, ["--test", join("test", name)], {
      cwd: root,
      stdio: "inherit",
      env,
    });
    if (run.status !== 0) process.exitCode = run.status ?? 1;
  }
} finally {
  demo?.kill("SIGTERM");
}
