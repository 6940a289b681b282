// People of the chosen library, those with the most photos first.

import { useEffect, useState } from "preact/hooks";
import { api, thumbnail } from "../../api/client";
import type { People } from "../../api/shapes";
import { t } from "../../i18n";
import { href, route } from "../../lib/address";
import { sessionEnded } from "../../lib/session";
import { Empty, Failed } from "../../ui/states";
import { ItemGrid } from "../list/view";
import { faceCrop } from "./crop";

type Person = People["people"][number];

export function PeoplePage() {
  const [, id] = route.value.segments;
  const space = route.value.query.get("space") ?? undefined;
  const [people, setPeople] = useState<readonly Person[]>();
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    api
      .people(space, controller.signal)
      .then((answer) => setPeople(answer.people))
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [space, attempt]);

  if (id !== undefined) {
    const person = people?.find((p) => p.id === id);
    return (
      <main class="page is-padded">
        <h1>{person?.name ?? t("people.unnamed")}</h1>
        <ItemGrid key={id} load={(page, signal) => api.gridOf({ person: id }, page, signal)} />
      </main>
    );
  }
  return (
    <main class="page is-padded">
      <h1>{t("people.title")}</h1>
      {error !== undefined && <Failed error={error} retry={() => setAttempt((n) => n + 1)} />}
      {people?.length === 0 && <Empty icon="people" title={t("people.empty")} hint={t("people.emptyHint")} />}
      <ul class="people-grid">
        {people?.map((person) => (
          <li>
            <a class="person" href={href(["people", person.id], { space })}>
              <span class="person-face">{person.cover && <Face cover={person.cover} />}</span>
              <span class={person.name ? "person-name" : "person-name is-unnamed"}>
                {person.name ?? t("people.unnamed")}
              </span>
              <span class="person-count">{t("folders.items", { count: person.items })}</span>
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}

function Face({ cover }: { cover: NonNullable<Person["cover"]> }) {
  const [style, setStyle] = useState<Record<string, string>>({});
  return (
    <img
      alt=""
      loading="lazy"
      style={style}
      src={thumbnail(cover.id, cover.key, "m")}
      onLoad={(event) => {
        const { naturalWidth, naturalHeight } = event.currentTarget;
        setStyle(faceCrop(cover.box, naturalWidth, naturalHeight));
      }}
    />
  );
}
