// Land, borders and countries of the map, from Natural Earth (public domain) as packed by world-atlas: one compact file a
// scale. src/map/land.ts reads it.

/** Units per degree: a hundredth is one kilometre, less than the error of the data. */
const UNITS = 100;

/** The file of a topology of world-atlas: rings of land, lines of borders, and the place of each country's name. */
export function landFile(topology) {
  const arcs = topology.arcs.map((arc) => decoded(arc, topology.transform));
  const out = [];
  const rings = polygonsOf(topology.objects.land)
    .flat()
    .map((ring) => closed(unwrapped(lineOf(ring, arcs))))
    .filter((ring) => ring.length >= 4);
  writeLines(out, rings.flatMap(onBothSides));
  writeLines(
    out,
    bordersOf(topology.objects.countries).flatMap((arc) => onBothSides(unwrapped(arcs[arc]))),
  );
  writeNames(out, topology.objects.countries, arcs);
  return Uint8Array.from(out);
}

/** An arc in units, without repeated points. */
function decoded(arc, { scale, translate }) {
  const points = [];
  let [x, y] = [0, 0];
  for (const [dx, dy] of arc) {
    x += dx;
    y += dy;
    const point = [
      Math.round((x * scale[0] + translate[0]) * UNITS),
      Math.round((y * scale[1] + translate[1]) * UNITS),
    ];
    const last = points[points.length - 1];
    if (!last || last[0] !== point[0] || last[1] !== point[1]) points.push(point);
  }
  return points;
}

/** The polygons of an object, each a list of rings, each a list of arcs. */
function polygonsOf(object) {
  if (object.type === "GeometryCollection") return object.geometries.flatMap(polygonsOf);
  if (object.type === "MultiPolygon") return object.arcs;
  return object.type === "Polygon" ? [object.arcs] : [];
}

/** The points of a list of arcs; `~n` is arc n backwards. */
function lineOf(list, arcs) {
  return list.flatMap((n, i) => {
    const arc = n < 0 ? [...arcs[~n]].reverse() : arcs[n];
    return i === 0 ? arc : arc.slice(1);
  });
}

const HALF = 180 * UNITS;

/** A line across the date line continues beyond 180 degrees instead of returning around the world. */
function unwrapped(line) {
  let turn = 0;
  return line.map(([x, y], i) => {
    const step = i === 0 ? 0 : x - line[i - 1][0];
    if (step > HALF) turn -= 2 * HALF;
    else if (step < -HALF) turn += 2 * HALF;
    return [x + turn, y];
  });
}

/** A ring around the pole, Antarctica, is closed along the lower edge of the map. */
function closed(ring) {
  const [first, last] = [ring[0], ring[ring.length - 1]];
  if (Math.abs(first[0] - last[0]) < HALF) return ring;
  return [...ring, [last[0], -90 * UNITS], [first[0], -90 * UNITS]];
}

/** A line beyond 180 degrees is on the other side of the map, too. */
function onBothSides(line) {
  const copies = [line];
  if (line.some(([x]) => x > HALF)) copies.push(line.map(([x, y]) => [x - 2 * HALF, y]));
  if (line.some(([x]) => x < -HALF)) copies.push(line.map(([x, y]) => [x + 2 * HALF, y]));
  return copies;
}

/** Arcs that two countries have in common. */
function bordersOf(countries) {
  const uses = new Map();
  for (const [owner, country] of countries.geometries.entries()) {
    for (const n of polygonsOf(country).flat(2)) {
      const arc = n < 0 ? ~n : n;
      uses.set(arc, (uses.get(arc) ?? new Set()).add(owner));
    }
  }
  return [...uses].filter(([, owners]) => owners.size > 1).map(([arc]) => arc);
}

/** The centre of gravity of a ring, and its area in square degrees. */
function centre(ring) {
  let [area, x, y] = [0, 0, 0];
  for (const [i, [ax, ay]] of ring.entries()) {
    const [bx, by] = ring[(i + 1) % ring.length];
    const cross = ax * by - bx * ay;
    area += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
  }
  return { x: x / (3 * area), y: y / (3 * area), area: Math.abs(area / 2) / UNITS ** 2 };
}

/** Countries by their ISO 3166-1 number: the application has their names in every language. */
function writeNames(out, countries, arcs) {
  const names = countries.geometries.flatMap((country) => {
    if (country.id === undefined) return [];
    const largest = polygonsOf(country)
      .map(([ring]) => centre(unwrapped(lineOf(ring, arcs))))
      .sort((a, b) => b.area - a.area)[0];
    return largest && largest.area > 0.05 ? [{ code: Number(country.id), ...largest }] : [];
  });
  names.sort((a, b) => b.area - a.area);
  writeNumber(out, names.length);
  for (const { code, x, y, area } of names) {
    writeNumber(out, code);
    writeSigned(out, Math.round(x));
    writeSigned(out, Math.round(y));
    writeNumber(out, Math.round(Math.sqrt(area) * 10));
  }
}

/** Each line: the number of points, the first one, then differences. */
function writeLines(out, lines) {
  writeNumber(out, lines.length);
  for (const line of lines) {
    writeNumber(out, line.length);
    let [x, y] = [0, 0];
    for (const [px, py] of line) {
      writeSigned(out, px - x);
      writeSigned(out, py - y);
      [x, y] = [px, py];
    }
  }
}

/** Seven bits a byte, lowest first; the highest bit: more follow. */
function writeNumber(out, value) {
  for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) + 128);
  out.push(value);
}

/** Small numbers of either sign are short. */
function writeSigned(out, value) {
  writeNumber(out, value < 0 ? -2 * value - 1 : 2 * value);
}
