// The timeline of a scope: its index, grouped by day, month or year, and the requests for its buckets.

import { api, type Scope } from "../../api/client";
import type { Facets, Timeline } from "../../api/shapes";
import type { FetchBucket } from "../../grid/loader";
import type { DayCount, TimelineModel } from "../../grid/model";
import type { ListSource } from "../../grid/photo-list";
import { countryName } from "../../lib/countries";

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

/** Number of places beside a heading. */
const PLACES = 3;

/** The places of a day or month, those with most photos first: cities, or countries of a year, or where no city is near. */
export function placesOf({ facets }: Facets, level: Level, countryName: (code: string) => string): string {
  const cities = level === "year" ? [] : (facets.city ?? []).map(({ value }) => value);
  const names = cities.length > 0 ? cities : (facets.country ?? []).map(({ value }) => countryName(value));
  return names.slice(0, PLACES).join(", ");
}

export function timelineSource(scope: Scope, level: Level): ListSource {
  return {
    describe: async ({ from, to }, signal) => {
      if (from === "undated") return "";
      const day = from === to ? from : `${from}..${to}`;
      const facets = await api.facets({ ...scope, day }, signal);
      return placesOf(facets, level, (code) => countryName(code) ?? code);
    },
    load: async (signal) => grouped(daysOf(await api.timeline(scope, signal)), level),
    fetcher:
      (model): FetchBucket =>
      (bucket, signal) =>
        api.grid(scope, rangeOf(model, bucket), signal),
  };
}
