// Positions as people write them. Pure functions.

export interface Position {
  readonly lat: number;
  readonly lon: number;
}

/** Digits after the point: about a metre. */
const DIGITS = 5;

/** A position as text, which [`positionOf`] reads: `48.13743, 11.57549`. */
export function positionText({ lat, lon }: Position): string {
  return `${Number(lat.toFixed(DIGITS))}, ${Number(lon.toFixed(DIGITS))}`;
}

/** A number, or degrees with minutes and seconds, with a letter of the compass before or after it. */
const PART =
  /^\s*([NSEWO])?\s*([+-]?\d+(?:[.,]\d+)?)\s*°?\s*(?:(\d+(?:[.,]\d+)?)\s*['′’]\s*)?(?:(\d+(?:[.,]\d+)?)\s*(?:["″”]|'')\s*)?([NSEWO])?\s*$/i;

interface Degrees {
  readonly degrees: number;
  /** Absent if no letter names it. */
  readonly axis?: "lat" | "lon";
}

/** `O` is east in German. */
function degreesOf(text: string): Degrees | undefined {
  const [, before, degrees, minutes = "0", seconds = "0", after] = PART.exec(text) ?? [];
  if (degrees === undefined || (before !== undefined && after !== undefined)) return undefined;
  const number = (part: string) => Number(part.replace(",", "."));
  if (number(minutes) >= 60 || number(seconds) >= 60) return undefined;
  const letter = (before ?? after)?.toUpperCase();
  const isNegative = degrees.startsWith("-") || letter === "S" || letter === "W";
  const size = Math.abs(number(degrees)) + number(minutes) / 60 + number(seconds) / 3600;
  const value = { degrees: isNegative ? -size : size };
  if (letter === undefined) return value;
  return { ...value, axis: letter === "N" || letter === "S" ? "lat" : "lon" };
}

/** Between latitude and longitude: a semicolon, a comma, the blank before or after a letter, or any blank. */
const SEPARATORS = [/;/, /,\s+/, /\s+(?=[NSEWO]\s*[\d+-])/i, /(?<=[NSEWO])[\s,]+/i, /,/, /\s+/];

/**
 * Reads a position: `48.1374, 11.5755`, `48,1374; 11,5755`, `48° 8' 14" N 11° 34' 32" E`, with the latitude first unless
 * letters say otherwise. Undefined if the text is none, or outside of the world.
 */
export function positionOf(text: string): Position | undefined {
  for (const separator of SEPARATORS) {
    const parts = text.trim().split(separator);
    const position = parts.length === 2 ? fromParts(parts.map(degreesOf)) : undefined;
    if (position) return position;
  }
  return undefined;
}

function fromParts([first, second]: readonly (Degrees | undefined)[]): Position | undefined {
  if (!first || !second || (first.axis !== undefined && first.axis === second.axis)) return undefined;
  const isSwapped = first.axis === "lon" || second.axis === "lat";
  const [lat, lon] = isSwapped ? [second.degrees, first.degrees] : [first.degrees, second.degrees];
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? { lat, lon } : undefined;
}
