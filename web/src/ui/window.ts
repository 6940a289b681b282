// The visible part of a long list of tiles. Pure functions; lengths are CSS pixels.

/** The tiles to draw, and where the first of them is. */
export interface Window {
  readonly columns: number;
  readonly from: number;
  readonly to: number;
  readonly top: number;
  /** Height of all tiles. */
  readonly height: number;
}

export interface Tiling {
  readonly count: number;
  readonly width: number;
  /** Minimum width of a tile by the width of the list. */
  readonly minWidth: (width: number) => number;
  readonly gap: number;
  /** Height of a tile by its width. */
  readonly heightOf: (width: number) => number;
}

/** Rows above and below the screen that are drawn, too. */
const OVERSCAN = 3;

/** The tiles for a screen of `viewport` pixels that begins `scrolled` pixels below the first row. */
export function windowOf(tiling: Tiling, scrolled: number, viewport: number): Window {
  const { count, width, gap, heightOf } = tiling;
  const minWidth = tiling.minWidth(width);
  const columns = Math.max(1, Math.floor((width + gap) / (minWidth + gap)));
  const row = heightOf((width - gap * (columns - 1)) / columns) + gap;
  const rows = Math.ceil(count / columns);
  const clamp = (n: number) => Math.min(Math.max(0, n), rows);
  const first = clamp(Math.floor(scrolled / row) - OVERSCAN);
  const last = clamp(Math.ceil((scrolled + viewport) / row) + OVERSCAN);
  return {
    columns,
    from: Math.min(count, first * columns),
    to: Math.min(count, last * columns),
    top: first * row,
    height: Math.max(0, rows * row - gap),
  };
}
