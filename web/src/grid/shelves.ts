// Short days side by side: consecutive days whose pictures fit into one row share it, each below its own heading. Pure
// functions; lengths are CSS pixels.

import { type GridMetrics, STRETCH } from "./layout";

/** A day that may share a row. */
export interface Day {
  /** Sum of the ratios of its pictures. */
  readonly aspects: number;
  readonly count: number;
}

/** The part of the row of one day. */
export interface Place {
  readonly left: number;
  readonly width: number;
  /** Height of its pictures. */
  readonly height: number;
}

/** A row is at least this part of the target height. */
const SHRINK = 0.75;
/** Minimum width of a day, for its heading. */
const MIN_WIDTH = 132;

/**
 * The places of the days that share the row of the first one, in order. `next` returns a day by its number, or nothing at
 * the end or at a day that does not take part. One place or none: the first day has rows of its own.
 */
export function shelf(next: (n: number) => Day | undefined, metrics: GridMetrics): Place[] {
  const { width, rowHeight, gap, shelfGap } = metrics;
  if (shelfGap === undefined) return [];
  const days: { aspects: number; gaps: number }[] = [];
  let [aspects, gaps] = [0, 0];
  for (let n = 0; ; n++) {
    const day = next(n);
    if (!day) break;
    const wide = Math.max(day.aspects, MIN_WIDTH / rowHeight);
    const between = gap * (day.count - 1) + (n > 0 ? shelfGap : 0);
    const heightWith = (width - gaps - between) / (aspects + wide);
    const heightWithout = n > 0 ? (width - gaps) / aspects : 0;
    // The last day may make the row lower, if that is nearer to the target than a row without it.
    const isFull = heightWith < rowHeight;
    if (isFull && (heightWith < rowHeight * SHRINK || rowHeight / heightWith > heightWithout / rowHeight))
      break;
    aspects += wide;
    gaps += between;
    days.push({ aspects: wide, gaps: gap * (day.count - 1) });
    if (isFull) break;
  }
  if (days.length < 2) return [];
  const height = Math.min((width - gaps) / aspects, rowHeight * STRETCH);
  let left = 0;
  return days.map((day) => {
    const place = { left: Math.round(left), width: Math.floor(day.aspects * height + day.gaps), height };
    left += day.aspects * height + day.gaps + shelfGap;
    return place;
  });
}

export function isSame(a: Place | undefined, b: Place | undefined): boolean {
  return a?.left === b?.left && a?.width === b?.width && a?.height === b?.height;
}
