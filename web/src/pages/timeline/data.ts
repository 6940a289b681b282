// The timeline of a scope: its index, grouped by day, month or year, and the requests for its buckets.

import { api, type Scope } from "../../api/client";
import type { Timeline } from "../../api/shapes";
import type { FetchBucket } from "../../grid/loader";
import type { DayCount, TimelineModel } from "../../grid/model";
import type { ListSource } from "../../grid/photo-list";

/** How the timeline is grouped, from near to far. */
export const LEVELS = ["day", "month", "year"] as const;
export type Level = (typeof LEVELS)[number];

/** The prefix of a day that is its group: `2023-07` of `2023-07-01`. */
const LETTERS: Record<Level, number> = { day: 10, month: 7, year: 4 };

/** Days of the index, newest first, items without a date last. */
export function daysOf(timeline: Timeline): DayCount[] {
  const days: DayCount[] = [...timeline.days];
  if (timeline.undated > 0) days.push({ day: "undated", count: timeline.undated });
  return days;
}

/** Days in groups. Consecutive ones with the same prefix are one group. */
export function grouped(days: readonly DayCount[], level: Level): DayCount[] {
  if (level === "day") return [...days];
  const groups: { day: string; count: number; from: string; to: string }[] = [];
  for (const { day, count } of days) {
    const name = day === "undated" ? day : day.slice(0, LETTERS[level]);
    const last = groups[groups.length - 1];
    if (last?.day === name) {
      last.count += count;
      last.to = day;
    } else groups.push({ day: name, count, from: day, to: day });
  }
  return groups;
}

/** The parameters for the items of a bucket: whole days, or a part of one. */
export function rangeOf(
  model: TimelineModel,
  bucket: number,
): { day: string; offset?: number; limit: number } {
  const b = model.buckets[bucket];
  const first = b && model.sections[b.sections[0]];
  const last = b && model.sections[b.sections[1] - 1];
  if (!b || !first || !last) throw new RangeError(`there is no bucket ${bucket}`);
  const day = first.from === last.to ? first.from : `${first.from}..${last.to}`;
  return { day, ...(first.offset > 0 ? { offset: first.offset } : {}), limit: b.count };
}

export function timelineSource(scope: Scope, level: Level): ListSource {
  return {
    load: async (signal) => grouped(daysOf(await api.timeline(scope, signal)), level),
    fetcher:
      (model): FetchBucket =>
      (bucket, signal) =>
        api.grid(scope, rangeOf(model, bucket), signal),
  };
}
