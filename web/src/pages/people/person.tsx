// A person: name, companions, and photos by day, which can be removed from the person or given to another.

import { useMemo, useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { Person, PersonDetails } from "../../api/shapes";
import { PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { go, href, openedItem } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { edits, undoable } from "../../lib/edits";
import { Dialog } from "../../ui/dialog";
import { iconButton } from "../../ui/icon-button";
import { Icon } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { Empty, FailedPage } from "../../ui/states";
import { timelineSource } from "../timeline/data";
import { metricsFor } from "../timeline/metrics";
import { CoverDialog } from "./cover-dialog";
import { facesIn, nameOf } from "./data";
import { type NameChoice, NameField, PersonFace } from "./name-field";
import { useNaming } from "./naming";

export function PersonPage({ id }: { id: string }) {
  const { answer, error, retry } = useAnswer((signal) => peopleApi.person(id, signal), [id, edits.value]);
  if (error !== undefined) return <FailedPage error={error} retry={retry} />;
  if (!answer) return <main class="page" aria-busy="true" />;
  return <PersonView {...answer} />;
}

function PersonView({ person, companions }: PersonDetails) {
  // A new name or cover leaves the photos as they are.
  const source = useMemo(
    () => timelineSource({ person: person.id }, "day"),
    [person.id, person.items, person.faces],
  );
  return (
    <PhotoList
      source={source}
      intro={<Head person={person} companions={companions} />}
      empty={<Empty icon="people" title={t("people.noPhotos")} hint={t("people.noPhotosHint")} />}
      address={(item) => href(["people", person.id], { item: item?.toString() })}
      opened={openedItem()}
      metrics={metricsFor("day")}
      hasScrubber
      actions={
        person.rights.manage
          ? (items, finish) => <PhotoActions person={person} items={items} finish={finish} />
          : undefined
      }
    />
  );
}

function Head({ person, companions }: PersonDetails) {
  const [isNaming, setNaming] = useState(false);
  const [picksCover, setPicksCover] = useState(false);
  const naming = useNaming((left) => {
    setNaming(false);
    if (left.id !== person.id) go(href(["people", left.id]), { replace: true });
  });
  const mayEdit = person.rights.manage;
  const asksName = mayEdit && (isNaming || person.name === undefined);
  const setHidden = (hidden: boolean) =>
    void undoable(
      async (did) => did(await peopleApi.change(person.id, { hidden })),
      () => t(hidden ? "people.hidden" : "people.shown", { count: 1 }),
    );
  return (
    <>
      <div class="page-head person-head">
        <PersonFace person={person} />
        {asksName ? (
          <>
            <h1 class="visually-hidden">{nameOf(person)}</h1>
            <NameField
              key={person.name}
              space={person.space}
              label={t("people.who")}
              name={person.name}
              except={person.id}
              hasFocus={isNaming}
              choose={(choice) => naming.name(person, choice)}
              cancel={() => setNaming(false)}
            />
          </>
        ) : (
          <h1>{nameOf(person)}</h1>
        )}
        {mayEdit && !asksName && iconButton("edit", t("people.rename"), () => setNaming(true))}
        <span class="count">
          {t("folders.items", { count: person.items })}
          {person.hidden && ` · ${t("people.isHidden")}`}
        </span>
        {mayEdit && (
          <div class="tools">
            <Menu label={t("people.actions")} icon="more">
              <button type="button" class="menu-entry" onClick={() => setPicksCover(true)}>
                <Icon name="photos" />
                {t("people.cover")}
              </button>
              {person.name !== undefined && (
                <button type="button" class="menu-entry" onClick={() => naming.removeName(person)}>
                  <Icon name="remove" />
                  {t("people.removeName")}
                </button>
              )}
              <button type="button" class="menu-entry" onClick={() => setHidden(!person.hidden)}>
                <Icon name={person.hidden ? "shown" : "hidden"} />
                {t(person.hidden ? "people.show" : "people.hide")}
              </button>
            </Menu>
          </div>
        )}
      </div>
      {companions.length > 0 && (
        <section class="companions">
          <h2>{t("people.companions")}</h2>
          <ul class="people-row">
            {companions.map(({ person: other, items }) => (
              <li key={other.id}>
                <a href={href(["people", other.id])}>
                  <PersonFace person={other} />
                  {nameOf(other)}
                  <small>{t("folders.items", { count: items })}</small>
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
      {picksCover && <CoverDialog person={person} close={() => setPicksCover(false)} />}
      {naming.dialog}
    </>
  );
}

/** Actions on selected photos of the person. */
function PhotoActions(props: { person: Person; items: ReadonlySet<number>; finish: () => void }) {
  const { person, items, finish } = props;
  const from = person.name ?? t("people.thisPerson");
  const [isOpen, setOpen] = useState(false);
  const count = items.size;
  const remove = async () => {
    const done = await undoable(
      async (did) => {
        for (const face of await facesIn(person.id, items)) did(await peopleApi.reject(face, person.id));
        return count;
      },
      (n) => t("people.removedFrom", { count: n, name: from }),
    );
    if (done !== undefined) finish();
  };
  const give = async (choice: NameChoice) => {
    setOpen(false);
    const done = await undoable(
      async (did) => {
        // A new name creates the person with the first face; the others go to that person.
        let to = "person" in choice ? choice.person.id : choice.name;
        for (const face of await facesIn(person.id, items)) {
          const answer = did(await peopleApi.assign(face, to));
          to = answer.person?.id ?? to;
        }
        return "person" in choice ? nameOf(choice.person) : choice.name;
      },
      (name) => t("people.given", { count, name }),
    );
    if (done !== undefined) finish();
  };
  return (
    <>
      {iconButton("notPerson", t("people.notThis", { name: from }), () => void remove())}
      {iconButton("account", t("people.giveTo"), () => setOpen(true))}
      {isOpen && (
        <Dialog title={t("people.giveTo")} close={() => setOpen(false)}>
          <p>{t("people.giveHint", { count })}</p>
          <NameField
            space={person.space}
            label={t("people.who")}
            except={person.id}
            hasFocus
            choose={(choice) => void give(choice)}
          />
        </Dialog>
      )}
    </>
  );
}
