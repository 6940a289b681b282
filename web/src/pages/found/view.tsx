// Lists that are searches: videos, recent additions, favourites.

import { useMemo } from "preact/hooks";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList } from "../../grid/photo-list";
import { type Key, t } from "../../i18n";
import { href, openedItem, route } from "../../lib/address";
import { countOf, listSource } from "../../lib/list";
import type { IconName } from "../../ui/icons";
import { Empty } from "../../ui/states";
import { dayBefore } from "./data";

/** Days that count as recent. */
const RECENT = 30;

export type Found = "videos" | "recent" | "favourites";

const lists: Record<
  Found,
  { title: Key; empty: Key; hint: Key; icon: IconName; sort: string; query: () => string }
> = {
  videos: {
    title: "tab.videos",
    empty: "videos.empty",
    hint: "videos.emptyHint",
    icon: "video",
    sort: "-taken",
    query: () => "kind:video",
  },
  recent: {
    title: "tab.recent",
    empty: "recent.empty",
    hint: "recent.emptyHint",
    icon: "recent",
    sort: "-added",
    query: () => `added:>=${dayBefore(new Date(), RECENT)}`,
  },
  favourites: {
    title: "tab.favourites",
    empty: "favourites.empty",
    hint: "favourites.emptyHint",
    icon: "heart",
    sort: "-taken",
    query: () => "is:favourite",
  },
};

export function FoundPage({ kind }: { kind: Found }) {
  const space = route.value.query.get("space") ?? undefined;
  const { title, empty, hint, icon, sort, query } = lists[kind];
  const source = useMemo(() => {
    const scope = { q: query(), ...(space ? { space } : {}) };
    return listSource({ ...scope, sort }, (signal) => countOf(scope, signal));
  }, [kind, space]);
  return (
    <PhotoList
      key={kind + (space ?? "")}
      source={source}
      intro={
        <div class="page-head">
          <h1>{t(title)}</h1>
        </div>
      }
      empty={<Empty icon={icon} title={t(empty)} hint={t(hint)} />}
      address={(item) => href([kind], { space, item: item?.toString() })}
      opened={openedItem()}
      metrics={flatMetrics((width) => rowHeightFor(width, 1))}
    />
  );
}
