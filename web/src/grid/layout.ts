// Justified rows: pictures of one row share a height and fill the width. Pure functions; lengths are CSS pixels.

/** The parameters of a layout besides the pictures. */
export interface GridMetrics {
  /** Inner width of the grid. */
  readonly width: number;
  /** Target height of rows; a row is between about 0.7 and 1.4 times as tall. */
  readonly rowHeight: number;
  /** Gap between pictures, horizontally and vertically. */
  readonly gap: number;
  /** Height of the heading of a day, including the gap below. */
  readonly heading: number;
  /** Blank space below the last row of a day. */
  readonly dayGap: number;
  /** Blank space between short days that share a row; without it, each day has rows of its own. */
  readonly shelfGap?: number;
  /** Height of the content above the pictures, which scrolls with them. */
  readonly intro?: number;
  /** A list: each item has a row of the target height, across the whole width. */
  readonly isList?: boolean;
}

/** A row: pictures `from` to `to` (exclusive) of the section, `top` relative to the section's first row. */
export interface Row {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly height: number;
}

/** Widest and narrowest ratio of a displayed picture; beyond, it is cropped to the ratio. */
const MAX_ASPECT = 3.5;
export const MIN_ASPECT = 0.4;

/** A row that is not full is stretched to the width if its height stays below this multiple of the target. */
export const STRETCH = 1.35;

/** Mean ratio of pictures that are not loaded, for estimates. */
export const ESTIMATED_ASPECT = 1.25;

/** Ratio (width to height) in the layout, from the API's width * 100 / height. */
export function layoutAspect(aspectPercent: number): number {
  return Math.min(MAX_ASPECT, Math.max(MIN_ASPECT, aspectPercent / 100));
}

/**
 * Breaks pictures into rows. A row is closed where its height comes closest to the target. The last row keeps the target
 * height unless it is nearly full.
 */
export function justify(aspects: readonly number[], from: number, to: number, metrics: GridMetrics): Row[] {
  const { width, rowHeight, gap } = metrics;
  const rows: Row[] = [];
  if (metrics.isList) {
    for (let i = from; i < to; i++)
      rows.push({ from: i, to: i + 1, top: (i - from) * (rowHeight + gap), height: rowHeight });
    return rows;
  }
  let top = 0;
  let start = from;
  let sum = 0;
  const close = (end: number, height: number) => {
    rows.push({ from: start, to: end, top, height });
    top += height + gap;
    start = end;
    sum = 0;
  };
  for (let i = from; i < to; i++) {
    const aspect = layoutAspect(aspects[i] ?? 100);
    const count = i - start;
    const heightWith = (width - gap * count) / (sum + aspect);
    if (heightWith > rowHeight) {
      sum += aspect;
      continue;
    }
    const heightWithout = count > 0 ? (width - gap * (count - 1)) / sum : Number.POSITIVE_INFINITY;
    // The ratio of heights, not their difference: a row twice as tall is as bad as one half as tall.
    if (heightWithout / rowHeight < rowHeight / heightWith) {
      close(i, heightWithout);
      sum = aspect;
      if (width / sum <= rowHeight) close(i + 1, width / sum);
    } else {
      sum += aspect;
      close(i + 1, heightWith);
    }
  }
  if (start < to) {
    const full = (width - gap * (to - start - 1)) / sum;
    close(to, full < rowHeight * STRETCH ? full : rowHeight);
  }
  return rows;
}

/** Height of rows, without the gap below the last one. */
export function rowsHeight(rows: readonly Row[]): number {
  const last = rows[rows.length - 1];
  return last ? last.top + last.height : 0;
}

/** Estimated height of `count` pictures of unknown ratios, without the gap below the last row. */
export function estimateHeight(count: number, metrics: GridMetrics): number {
  if (count === 0) return 0;
  const fitting = (metrics.width + metrics.gap) / (ESTIMATED_ASPECT * metrics.rowHeight + metrics.gap);
  const perRow = metrics.isList ? 1 : Math.max(1, fitting);
  const rows = Math.ceil(count / perRow);
  return rows * (metrics.rowHeight + metrics.gap) - metrics.gap;
}

/** Widths of the pictures of a row, in whole pixels that add up to the row's width if the row is full. */
export function rowWidths(aspects: readonly number[], row: Row, metrics: GridMetrics): number[] {
  if (metrics.isList) return [metrics.width];
  const widths: number[] = [];
  let exact = 0;
  let used = 0;
  for (let i = row.from; i < row.to; i++) {
    exact += layoutAspect(aspects[i] ?? 100) * row.height;
    const width = Math.max(1, Math.round(exact) - used);
    used += width;
    widths.push(width);
  }
  const inner = metrics.width - metrics.gap * (row.to - row.from - 1);
  const last = widths.length - 1;
  // Rounding may make the last picture of a full row a pixel too narrow or too wide.
  if (Math.abs(inner - used) <= 2 && widths[last] !== undefined) widths[last] += inner - used;
  return widths;
}

/** Row height for a width: three to four pictures across on a phone, more on a desktop. `zoom` 1 is the default. */
export function rowHeightFor(width: number, zoom: number): number {
  const base = width < 600 ? width / 3.4 : Math.min(260, 150 + width / 16);
  return Math.max(40, Math.round(base * zoom));
}
