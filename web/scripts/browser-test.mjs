// Browser tests: runs test/*.test.mjs against the demo in Chromium, or those files that have one of the given words in
// their names.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, root, withDemo } from "./demo.mjs";

chromium();
const wanted = process.argv.slice(2);
const tests = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.mjs"));
const chosen = tests.filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error(`no file of web/test has one of ${wanted.join(", ")} in its name`);

await withDemo(async (variables) => {
  const env = { ...process.env, ...variables };
  // One file after the other: each has a browser, and the machine may be small.
  for (const name of chosen) {
    const run = spawnSync(process.execPath, ["--test", join("test", name)], {
      cwd: root,
      stdio: "inherit",
      env,
    });
    if (run.status !== 0) process.exitCode = run.status ?? 1;
  }
});
