// Tags and subjects: tiles that open the search for their photos.

import { api } from "../../api/client";
import type { Named } from "../../api/shapes";
import { type Key, t } from "../../i18n";
import { href, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import type { IconName } from "../../ui/icons";
import { Empty, Failed } from "../../ui/states";
import { type Tile, Tiles } from "../../ui/tiles";

const kinds: Record<
  "tags" | "subjects",
  {
    title: Key;
    empty: Key;
    hint: Key;
    icon: IconName;
    ask: (space: string | undefined, signal: AbortSignal) => Promise<readonly Named[]>;
  }
> = {
  tags: {
    title: "tab.tags",
    empty: "tags.empty",
    hint: "tags.emptyHint",
    icon: "tag",
    ask: async (space, signal) => (await api.tags(space, signal)).tags,
  },
  subjects: {
    title: "tab.subjects",
    empty: "subjects.empty",
    hint: "subjects.emptyHint",
    icon: "subject",
    ask: async (space, signal) => (await api.subjects(space, signal)).subjects,
  },
};

/** The tile of a name; none if its search cannot be written. */
export function tilesOf(named: readonly Named[], space: string | undefined): Tile[] {
  return named.flatMap(({ query, name, items, cover }) =>
    query === undefined ? [] : [{ to: href(["photos"], { q: query, space }), name, items, cover }],
  );
}

export function NamedPage({ kind }: { kind: "tags" | "subjects" }) {
  const { title, empty, hint, icon, ask } = kinds[kind];
  const space = route.value.query.get("space") ?? undefined;
  const { answer, error, retry } = useAnswer((signal) => ask(space, signal), [space, kind]);
  return (
    <main class="page is-padded">
      <h1>{t(title)}</h1>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {answer?.length === 0 && <Empty icon={icon} title={t(empty)} hint={t(hint)} />}
      {answer && <Tiles tiles={tilesOf(answer, space)} icon={icon} />}
    </main>
  );
}
