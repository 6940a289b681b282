// Checks that every locked package runs with the nodejs and npm of Debian 12: npm refuses others there
// (engine-strict), while a newer npm on a developer's machine does not report them.

import { readFileSync } from "node:fs";

// Versions in Debian 12.0, https://packages.debian.org/bookworm/
const debian = { node: [18, 13, 0], npm: [9, 2, 0] };

/** Whether a version fulfils `>=1.2.3 <4 || ^5`; throws for other forms. */
function fulfils(version, range) {
  return range.split("||").some((all) =>
    all
      .replace(/(>=|<=|[<>^~=])\s+/g, "$1")
      .trim()
      .split(/\s+/)
      .every((one) => {
        const [, operator, text] = /^(>=|<=|[<>^~=])?v?([\d.x*]*)$/.exec(one) ?? [];
        if (text === undefined)
          throw new Error(`the version range ${JSON.stringify(range)} is not understood`);
        const parts = text
          .split(".")
          .filter((part) => /^\d+$/.test(part))
          .map(Number);
        const order = [0, 1, 2].map((i) => version[i] - (parts[i] ?? 0)).find((d) => d !== 0) ?? 0;
        switch (operator) {
          case ">=":
            return order >= 0;
          case ">":
            return order > 0;
          case "<":
            return order < 0;
          case "<=":
            return order <= 0;
          case "^":
            return order >= 0 && version[0] === parts[0];
          case "~":
            return order >= 0 && version[0] === parts[0] && version[1] === parts[1];
          default:
            return parts.every((part, i) => part === version[i]);
        }
      }),
  );
}

const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const refused = Object.entries(lock.packages).flatMap(([path, { version, engines = {} }]) =>
  Object.entries(debian)
    .filter(([program, ours]) => engines[program] && !fulfils(ours, engines[program]))
    .map(([program]) => `${path} ${version} needs ${program} ${engines[program]}`),
);
if (refused.length > 0) {
  process.stderr.write(
    `web: packages that Debian 12 cannot install; pin older versions in package.json:\n${refused.join("\n")}\n`,
  );
  process.exit(1);
}
