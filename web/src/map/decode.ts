// Reads the files of scripts/land.mjs.

import { worldX, worldY } from "./mercator";

/** A line or ring: x and y of each point in turn, in the world from 0 to 1, and their extent. */
export interface Line {
  readonly points: Float64Array;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Country {
  /** ISO 3166-1, three digits. */
  readonly code: string;
  readonly x: number;
  readonly y: number;
  /** About its width in degrees. */
  readonly extent: number;
}

export interface Land {
  readonly rings: readonly Line[];
  readonly borders: readonly Line[];
  /** The largest first. */
  readonly countries: readonly Country[];
}

/** Units per degree, as in scripts/land.mjs. */
const UNITS = 100;

export function decode(bytes: Uint8Array): Land {
  let at = 0;
  const number = () => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  const signed = () => {
    const value = number();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  };
  const line = (): Line => {
    const count = number();
    const points = new Float64Array(2 * count);
    let [x, y, left, top, right, bottom] = [0, 0, 1, 1, 0, 0];
    for (let i = 0; i < count; i++) {
      x += signed();
      y += signed();
      const [px, py] = [worldX(x / UNITS), worldY(y / UNITS)];
      points[2 * i] = px;
      points[2 * i + 1] = py;
      left = Math.min(left, px);
      right = Math.max(right, px);
      top = Math.min(top, py);
      bottom = Math.max(bottom, py);
    }
    return { points, left, top, right, bottom };
  };
  const list = <T>(read: () => T) => Array.from({ length: number() }, read);
  const rings = list(line);
  const borders = list(line);
  const countries = list(() => ({
    code: String(number()).padStart(3, "0"),
    x: worldX(signed() / UNITS),
    y: worldY(signed() / UNITS),
    extent: number() / 10,
  }));
  return { rings, borders, countries };
}
