// Lists in one order, without days: a folder, a person, recent additions.

import { api, type List } from "../api/client";
import type { ListSource } from "../grid/photo-list";

/** `count` returns the number of items of the list; they are read in parts. */
export function listSource(list: List, count: (signal: AbortSignal) => Promise<number>): ListSource {
  return {
    load: async (signal) => {
      const items = await count(signal);
      return items === 0 ? [] : [{ day: "", count: items }];
    },
    fetcher: (model) => (bucket, signal) => {
      const { first = 0, count: limit = 0 } = model.buckets[bucket] ?? {};
      return api.part(list, { offset: first, limit }, signal);
    },
  };
}

/** The number of items that a search finds. */
export async function countOf(scope: { space?: string; q?: string }, signal: AbortSignal): Promise<number> {
  const { days, undated } = await api.timeline(scope, signal);
  return days.reduce((sum, day) => sum + day.count, undated);
}
