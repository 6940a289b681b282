// The three thumbnails of every JPEG in a list, by sharp: one decode a photo, shrunk on load; the small ones from the
// large one's pixels. usage: sharp.mjs HOME version | sharp.mjs HOME LIST OUT JOBS
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [home, list, out, jobs] = process.argv.slice(2);
const sharp = createRequire(join(home, 'package.json'))('sharp');

if (list === 'version') {
  console.log(`sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`);
  process.exit(0);
}

// One thread a photo and nothing kept: as many photos at a time as there are jobs.
sharp.concurrency(1);
sharp.cache(false);
const files = readFileSync(list, 'utf8').split('\0').filter(Boolean);

async function thumbnails(file, to) {
  const { data, info } = await sharp(file, { failOn: 'none' })
    .rotate()
    .resize(1280, 1280, { fit: 'outside', withoutEnlargement: true })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const large = () => sharp(data, { raw });
  await large().jpeg({ quality: 80 }).toFile(`${to}-xl.jpg`);
  for (const [name, edge] of [['m', 320], ['sm', 240]]) {
    const small = large().resize(edge, edge, { fit: 'outside', withoutEnlargement: true });
    await small.jpeg({ quality: 80 }).toFile(`${to}-${name}.jpg`);
  }
}

let next = 0;
async function work() {
  while (next < files.length) {
    const n = next++;
    // A file that it cannot read costs what it costs.
    await thumbnails(files[n], join(out, String(n))).catch(() => {});
  }
}
await Promise.all(Array.from({ length: Number(jobs) }, work));
