// A grid of people, who are named there, and selected to be merged or hidden.

import { useEffect, useMemo, useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { Person } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { edits, mayEditSomething, undoable } from "../../lib/edits";
import { Icon } from "../../ui/icons";
import { LongList } from "../../ui/long-list";
import { Menu } from "../../ui/menu";
import { Empty, Failed } from "../../ui/states";
import { matching, nameOf, ordered } from "./data";
import { PersonFace } from "./name-field";
import { type Naming, useNaming } from "./naming";

/** From this number of people on there is a field to find one. */
const MANY = 20;
/** Questions that are counted. */
const COUNTED = 99;

/** Largest face, and the height of the name in two lines, the count, and the gaps. */
const FACE = 136;
const TEXTS = 76;
const TILING = {
  // Three beside each other on a phone.
  minWidth: (width: number) => (width < 600 ? 104 : 128),
  gap: 14,
  heightOf: (width: number) => Math.min(width, FACE) + TEXTS,
};

export function PeopleGrid({ space, isHidden }: { space: string | undefined; isHidden: boolean }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [chooses, setChooses] = useState(false);
  const { answer, error, retry } = useAnswer(
    (signal) => peopleApi.list({ space, hidden: isHidden }, signal),
    [space, isHidden, edits.value],
  );
  const people = useMemo(() => ordered(answer?.people.filter((p) => p.hidden === isHidden) ?? []), [answer]);
  const shown = useMemo(() => matching(people, text), [people, text]);
  const naming = useNaming(() => setChosen(new Set()));
  const mayEdit = people.some((person) => person.rights.manage);
  const isChoosing = chooses || chosen.size > 0;
  const clear = () => {
    setChosen(new Set());
    setChooses(false);
  };
  const toggle = ({ id }: Person) =>
    setChosen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  useEffect(() => {
    if (!isChoosing) return;
    const onKey = (event: KeyboardEvent) => event.key === "Escape" && clear();
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [isChoosing]);
  return (
    <main class={isChoosing ? "page is-padded is-choosing" : "page is-padded"}>
      <div class="page-head">
        {isHidden && (
          <a class="icon-button" href={href(["people"], { space })} aria-label={t("people.back")}>
            <Icon name="back" flip />
          </a>
        )}
        <h1>{t(isHidden ? "people.hiddenTitle" : "people.title")}</h1>
        {people.length > 0 && <span class="count">{people.length}</span>}
        <div class="tools">
          {people.length >= MANY && (
            <input
              class="input"
              type="search"
              aria-label={t("people.find")}
              placeholder={t("people.find")}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          )}
          {mayEdit && (
            <button
              type="button"
              class="button"
              aria-pressed={isChoosing}
              onClick={() => setChooses(!chooses)}
            >
              <Icon name="check" />
              {t("people.select")}
            </button>
          )}
          {!isHidden && (
            <Menu label={t("people.menu")} icon="more">
              <a class="menu-entry" href={href(["people", "hidden"], { space })}>
                <Icon name="hidden" />
                {t("people.hiddenTitle")}
              </a>
            </Menu>
          )}
        </div>
      </div>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {!isHidden && mayEditSomething() && <QuestionCard space={space} />}
      {answer && people.length === 0 && (
        <Empty
          icon={isHidden ? "hidden" : "people"}
          title={t(isHidden ? "people.noneHidden" : "people.empty")}
          hint={t(isHidden ? "people.noneHiddenHint" : "people.emptyHint")}
        />
      )}
      {people.length > 0 && shown.length === 0 && <p class="message">{t("people.noMatch", { text })}</p>}
      <LongList class="people-grid" items={shown} keyOf={(person) => person.id} tiling={TILING}>
        {(person) => (
          <Tile
            person={person}
            space={space}
            isChosen={chosen.has(person.id)}
            isChoosing={isChoosing}
            toggle={() => toggle(person)}
            naming={naming}
          />
        )}
      </LongList>
      {isChoosing && (
        <Bar
          people={people.filter((person) => chosen.has(person.id))}
          isHidden={isHidden}
          clear={clear}
          merge={naming.merge}
        />
      )}
      {naming.dialog}
    </main>
  );
}

function Tile(props: {
  person: Person;
  space: string | undefined;
  isChosen: boolean;
  isChoosing: boolean;
  toggle: () => void;
  naming: Naming;
}) {
  const { person, isChosen, isChoosing, toggle, naming } = props;
  const name = nameOf(person);
  const count = t("folders.items", { count: person.items });
  const mayEdit = person.rights.manage;
  return (
    <div class={isChosen ? "person is-chosen" : "person"}>
      <a
        class="person-link"
        href={href(["people", person.id], { space: props.space })}
        aria-label={`${name}, ${count}`}
        onClick={(event) => {
          if (!isChoosing || !mayEdit) return;
          event.preventDefault();
          toggle();
        }}
        onKeyDown={(event) => {
          if (event.key !== "x" || !mayEdit) return;
          event.preventDefault();
          toggle();
        }}
      >
        <PersonFace person={person} />
        {person.name && <span class="person-name">{person.name}</span>}
      </a>
      {!person.name && mayEdit && (
        <button type="button" class="person-who" onClick={() => naming.ask(person)}>
          {t("people.who")}
        </button>
      )}
      {!person.name && !mayEdit && <span class="person-name is-unnamed">{name}</span>}
      <span class="person-count">{count}</span>
      {mayEdit && (
        <input
          type="checkbox"
          class="person-check"
          checked={isChosen}
          aria-label={t("people.selectOne", { name })}
          onChange={toggle}
        />
      )}
    </div>
  );
}

/** Actions on the selected people. */
function Bar(props: {
  people: readonly Person[];
  isHidden: boolean;
  clear: () => void;
  merge: (people: readonly Person[]) => void;
}) {
  const { people, isHidden, clear, merge } = props;
  const count = people.length;
  const isOneSpace = new Set(people.map(({ space }) => space)).size === 1;
  const hide = async () => {
    const done = await undoable(
      async (did) => {
        for (const { id } of people) did(await peopleApi.change(id, { hidden: !isHidden }));
        return count;
      },
      (n) => t(isHidden ? "people.shown" : "people.hidden", { count: n }),
    );
    if (done !== undefined) clear();
  };
  return (
    <section class="action-bar" aria-label={t("select.actions")}>
      <button type="button" class="icon-button" aria-label={t("select.clear")} onClick={clear}>
        <Icon name="close" />
      </button>
      <strong role="status">{t("select.count", { count })}</strong>
      <div class="action-bar-actions">
        <button
          type="button"
          class="button"
          disabled={count < 2 || !isOneSpace}
          title={count > 1 && !isOneSpace ? t("people.otherSpaces") : undefined}
          onClick={() => merge(people)}
        >
          <Icon name="merge" />
          {t("people.merge")}
        </button>
        <button type="button" class="button" disabled={count === 0} onClick={() => void hide()}>
          <Icon name={isHidden ? "shown" : "hidden"} />
          {t(isHidden ? "people.show" : "people.hide")}
        </button>
      </div>
    </section>
  );
}

/** How many questions wait; nothing if there are none, or the engine does not answer. */
function QuestionCard({ space }: { space: string | undefined }) {
  const { answer } = useAnswer(
    (signal) => peopleApi.questions({ space, limit: COUNTED + 1 }, signal),
    [space, edits.value],
  );
  const count = answer?.questions.length ?? 0;
  if (count === 0) return null;
  return (
    <a class="question-card" href={href(["people", "questions"], { space })}>
      <Icon name="question" />
      <span>
        <strong>
          {count > COUNTED ? t("questions.many", { count: COUNTED }) : t("questions.waiting", { count })}
        </strong>
        {t("questions.cardHint")}
      </span>
      <Icon name="forward" flip />
    </a>
  );
}
