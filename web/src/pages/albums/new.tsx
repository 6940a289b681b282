// Makes an album: an empty one, or one that a search fills.

import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { t } from "../../i18n";
import { go, href } from "../../lib/address";
import { attempt } from "../../lib/edits";
import { Dialog } from "../../ui/dialog";

/** Milliseconds without a key before the photos of the search are counted. */
const PAUSE = 250;

export function NewAlbum({ close }: { close: () => void }) {
  const [name, setName] = useState("");
  const [query, setQuery] = useState("");
  const [count, setCount] = useState<number>();
  useEffect(() => {
    setCount(undefined);
    const q = query.trim();
    if (q === "") return;
    const controller = new AbortController();
    const timer = setTimeout(() => {
      api
        .facets({ q }, controller.signal)
        .then(({ items }) => setCount(items))
        // A search that is not complete yet has no count.
        .catch(() => undefined);
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query]);
  const make = async () => {
    let id: number | undefined;
    const q = query.trim();
    const done = await attempt(async () => {
      const album = await (q === "" ? api.addAlbum(name.trim(), []) : api.addSearchAlbum(name.trim(), q));
      id = album.id;
    });
    if (!done || id === undefined) return;
    close();
    go(href(["albums", id]));
  };
  return (
    <Dialog title={t("albums.add")} close={close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <label class="field">
          <span>{t("albums.name")}</span>
          <input
            class="input"
            name="name"
            required
            maxLength={200}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t("albums.query")}</span>
          <input
            class="input"
            name="query"
            value={query}
            placeholder="place:italy date:2023"
            onInput={(event) => setQuery(event.currentTarget.value)}
          />
          <small>{count === undefined ? t("albums.queryHint") : t("albums.queryCount", { count })}</small>
        </label>
        <button type="submit" class="button is-primary" disabled={name.trim() === ""}>
          {t("albums.make")}
        </button>
      </form>
    </Dialog>
  );
}
