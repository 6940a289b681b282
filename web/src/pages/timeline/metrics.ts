// The layout of a timeline at each level.

import { type GridMetrics, rowHeightFor } from "../../grid/layout";
import type { Level } from "./data";

/** Row heights relative to those of days. */
const ZOOM: Record<Level, number> = { day: 1, month: 0.56, year: 0.3 };

export function metricsFor(level: Level): (width: number) => GridMetrics {
  const shared = { heading: 44, dayGap: 18 };
  if (level === "day")
    return (width) => ({
      ...shared,
      width,
      rowHeight: rowHeightFor(width, 1),
      gap: 3,
      shelfGap: width < 600 ? 10 : 20,
    });
  return (width) => ({ ...shared, width, rowHeight: rowHeightFor(width, ZOOM[level]), gap: 2 });
}
