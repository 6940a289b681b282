// The timeline of a scope: its index, and the requests for its buckets.

import { api, type Scope } from "../../api/client";
import type { Timeline } from "../../api/shapes";
import type { FetchBucket } from "../../grid/loader";
import type { DayCount, TimelineModel } from "../../grid/model";

/** Days of the index, newest first, items without a date last. */
export function daysOf(timeline: Timeline): DayCount[] {
  const days: DayCount[] = [...timeline.days];
  if (timeline.undated > 0) days.push({ day: "undated", count: timeline.undated });
  return days;
}

/** What to ask for to get the items of a bucket: whole days, or a part of one. */
export function rangeOf(
  model: TimelineModel,
  bucket: number,
): { day: string; offset?: number; limit: number } {
  const b = model.buckets[bucket];
  const first = b && model.sections[b.sections[0]];
  const last = b && model.sections[b.sections[1] - 1];
  if (!b || !first || !last) throw new RangeError(`there is no bucket ${bucket}`);
  const day = first.day === last.day ? first.day : `${first.day}..${last.day}`;
  return { day, ...(first.offset > 0 ? { offset: first.offset } : {}), limit: b.count };
}

export function fetcher(model: TimelineModel, scope: Scope): FetchBucket {
  return (bucket, signal) => api.grid(scope, rangeOf(model, bucket), signal);
}
