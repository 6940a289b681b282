// People of the selected library, ordered by number of photos; and the photos of one.

import "./people.css";
import { useMemo } from "preact/hooks";
import { api } from "../../api/client";
import type { People } from "../../api/shapes";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { href, openedItem, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { listSource } from "../../lib/list";
import { Face } from "../../ui/face";
import { Empty, FailedPage } from "../../ui/states";

type Person = People["people"][number];

const faceOf = ({ cover }: Person) => cover && <Face item={cover.id} version={cover.key} box={cover.box} />;

export function PeoplePage() {
  const [, id] = route.value.segments;
  const space = route.value.query.get("space") ?? undefined;
  const { answer, error, retry } = useAnswer((signal) => api.people(space, signal), [space]);
  if (error !== undefined) return <FailedPage error={error} retry={retry} />;
  if (!answer) return <main class="page" aria-busy="true" />;
  const person = answer.people.find((p) => p.id === id);
  if (person) return <PersonView key={person.id} person={person} />;
  return (
    <main class="page is-padded">
      <h1>{t("people.title")}</h1>
      {id !== undefined && <p class="message">{t("error.notFound")}</p>}
      {answer.people.length === 0 && (
        <Empty icon="people" title={t("people.empty")} hint={t("people.emptyHint")} />
      )}
      <ul class="people-grid">
        {answer.people.map((p) => (
          <li key={p.id}>
            <a class="person" href={href(["people", p.id], { space })}>
              <span class="person-face">{faceOf(p)}</span>
              <span class={p.name ? "person-name" : "person-name is-unnamed"}>
                {p.name ?? t("people.unnamed")}
              </span>
              <span class="person-count">{t("folders.items", { count: p.items })}</span>
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}

function PersonView({ person }: { person: Person }) {
  const source = useMemo(() => listSource({ person: person.id }, async () => person.items), [person]);
  return (
    <PhotoList
      source={source}
      intro={
        <div class="page-head">
          <span class="person-face is-small">{faceOf(person)}</span>
          <h1>{person.name ?? t("people.unnamed")}</h1>
          <span class="count">{t("folders.items", { count: person.items })}</span>
        </div>
      }
      address={(item) => href(["people", person.id], { item: item?.toString() })}
      opened={openedItem()}
      metrics={flatMetrics((width) => rowHeightFor(width, 1))}
    />
  );
}
