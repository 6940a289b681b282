// Bundles the application into dist/: hashed file names, each with a brotli and a gzip copy beside it.
// `albumen-portal` embeds dist/ at compile time. Run by `npm run build`; `--watch` rebuilds without compression.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { landFile } from "./land.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");

/** First load of the application: compressed script in bytes, at most (PORTAL.md section 5). */
const FIRST_LOAD_LIMIT = 60 * 1024;

/** `import address from "land-50m.bin"`: the address of a file with land and borders for the map. */
const land = {
  name: "land",
  setup: (build) => {
    build.onResolve({ filter: /^land-\d+m\.bin$/ }, ({ path }) => ({ path, namespace: "land" }));
    build.onLoad({ filter: /.*/, namespace: "land" }, ({ path }) => {
      const atlas = join(root, `node_modules/world-atlas/countries-${/\d+m/.exec(path)[0]}.json`);
      return { contents: landFile(JSON.parse(readFileSync(atlas, "utf8"))), loader: "file" };
    });
  },
};

const options = {
  absWorkingDir: root,
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022", "safari16", "firefox115", "chrome110"],
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  plugins: [land],
};

/** Writes index.html with the names of the entry's script and style sheet; returns the script names of the first load. */
function writeShell(outputs) {
  const entry = Object.entries(outputs).find(([, output]) => output.entryPoint === "src/main.tsx");
  if (!entry) throw new Error("the build has no output for src/main.tsx");
  const [script, output] = entry;
  const first = [script, ...output.imports.filter((i) => i.kind === "import-statement").map((i) => i.path)];
  const asset = (path) => path.replace(/^dist\//, "");
  const icon = readFileSync(join(root, "src/icon.svg"));
  const hash = createHash("sha256").update(icon).digest("hex").slice(0, 8).toUpperCase();
  writeFileSync(join(dist, `assets/icon-${hash}.svg`), icon);
  const html = readFileSync(join(root, "src/index.html"), "utf8")
    .replace("{{icon}}", `assets/icon-${hash}.svg`)
    .replace("{{script}}", asset(script))
    .replace("{{style}}", asset(output.cssBundle ?? ""));
  writeFileSync(join(dist, "index.html"), html);
  return first;
}

const sizeOf = (paths) => paths.reduce((sum, path) => sum + statSync(join(root, `${path}.br`)).size, 0);

/** The scripts that are loaded when one is used, each with those it needs besides the first load. */
function loadedLater(outputs, first) {
  return Object.entries(outputs).flatMap(([path, output]) => {
    if (!output.entryPoint || !path.endsWith(".js") || first.includes(path)) return [];
    const needed = new Set([path]);
    for (const script of needed) {
      for (const { kind, path } of outputs[script].imports)
        if (kind === "import-statement" && path in outputs && !first.includes(path)) needed.add(path);
    }
    return output.entryPoint.endsWith(".css") ? [] : [[output.entryPoint, [...needed]]];
  });
}

function compress(directory) {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) {
      compress(path);
      continue;
    }
    const bytes = readFileSync(path);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
}

if (process.argv.includes("--watch")) {
  const shell = {
    name: "shell",
    setup: (build) => build.onEnd((result) => result.metafile && writeShell(result.metafile.outputs)),
  };
  const context = await esbuild.context({
    ...options,
    minify: false,
    sourcemap: true,
    plugins: [land, shell],
  });
  await context.watch();
} else {
  rmSync(dist, { recursive: true, force: true });
  const result = await esbuild.build(options);
  const first = writeShell(result.metafile.outputs);
  compress(dist);
  const size = sizeOf(first);
  process.stdout.write(`web: first load ${(size / 1024).toFixed(1)} KB of compressed script\n`);
  for (const [entry, later] of loadedLater(result.metafile.outputs, first))
    process.stdout.write(`web: ${entry} ${(sizeOf(later) / 1024).toFixed(1)} KB more\n`);
  if (size > FIRST_LOAD_LIMIT) {
    process.stderr.write(
      `web: the limit is ${FIRST_LOAD_LIMIT / 1024} KB; load what the first page does not need later\n`,
    );
    process.exit(1);
  }
}
