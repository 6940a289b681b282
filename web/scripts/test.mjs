// Unit tests: bundles every src/**/*.test.ts for Node and runs them with node:test. Node 18 reads no TypeScript.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** All files below a folder whose name matches. */
function find(directory, pattern) {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return find(path, pattern);
    return pattern.test(name) ? [path] : [];
  });
}

const entryPoints = find(join(root, "src"), /\.test\.tsx?$/);
if (entryPoints.length === 0) {
  process.stderr.write("web: no unit tests found below src\n");
  process.exit(1);
}
const outdir = mkdtempSync(join(tmpdir(), "albumen-web-test-"));
try {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints,
    outbase: "src",
    outdir,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node18",
    jsx: "automatic",
    jsxImportSource: "preact",
    outExtension: { ".js": ".mjs" },
    sourcemap: "inline",
    logLevel: "warning",
  });
  const files = find(outdir, /\.mjs$/);
  const run = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
