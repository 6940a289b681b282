// Names and merges of people, with the questions that they may raise: is the other person of the name the same one, and is
// a person twice in one photo?

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { ApiError } from "../../api/client";
import { peopleApi } from "../../api/people";
import type { Person } from "../../api/shapes";
import { t } from "../../i18n";
import { undoable } from "../../lib/edits";
import { Dialog } from "../../ui/dialog";
import { mergeOrder, namesOf } from "./data";
import { type NameChoice, NameField, PersonFace } from "./name-field";

type Asked =
  | { readonly kind: "name"; readonly person: Person }
  | {
      readonly kind: "taken";
      readonly person: Person;
      readonly name: string;
      readonly others: readonly Person[];
    }
  | { readonly kind: "merge"; readonly people: readonly Person[] }
  | { readonly kind: "photo"; readonly ids: readonly string[] };

export interface Naming {
  readonly name: (person: Person, choice: NameChoice) => void;
  /** Asks who it is. */
  readonly ask: (person: Person) => void;
  readonly removeName: (person: Person) => void;
  /** Asks before it merges. */
  readonly merge: (people: readonly Person[]) => void;
  /** A part of the page. */
  readonly dialog: ComponentChildren;
}

/** `changed`: an edit has succeeded, and the person who remains is this one. */
export function useNaming(changed: (person: Person) => void): Naming {
  const [asked, setAsked] = useState<Asked>();
  const close = () => setAsked(undefined);
  const finish = (answer: { readonly person?: Person } | undefined) => {
    if (answer?.person) changed(answer.person);
  };
  const merge = async (ids: readonly string[], also = false) => {
    const answer = await undoable(
      async (did) => did(await peopleApi.merge(ids, also)),
      ({ person }) => (person?.name ? t("people.merged", { name: person.name }) : t("people.mergedUnnamed")),
      (error) => {
        if (error.kind !== "in_one_photo") return false;
        setAsked({ kind: "photo", ids });
        return true;
      },
    );
    finish(answer);
  };
  const rename = async (person: Person, name: string | null, isAnother = false) => {
    const onTaken = ({ kind, people: others }: ApiError) => {
      if (kind !== "name_taken" || name === null) return false;
      setAsked({ kind: "taken", person, name, others });
      return true;
    };
    const answer = await undoable(
      async (did) =>
        did(await peopleApi.change(person.id, { name, ...(isAnother ? { same_name: "separate" } : {}) })),
      () => (name === null ? t("people.nameRemoved") : t("people.named", { name })),
      onTaken,
    );
    finish(answer);
  };
  const name = (person: Person, choice: NameChoice) =>
    void ("person" in choice ? merge([choice.person.id, person.id]) : rename(person, choice.name));
  return {
    name,
    ask: (person) => setAsked({ kind: "name", person }),
    removeName: (person) => void rename(person, null),
    merge: (people) => setAsked({ kind: "merge", people }),
    dialog: asked && (
      <Question
        asked={asked}
        close={close}
        name={(person, choice) => {
          close();
          name(person, choice);
        }}
        merge={(ids, also) => {
          close();
          void merge(ids, also);
        }}
        separate={(person, name) => {
          close();
          void rename(person, name, true);
        }}
      />
    ),
  };
}

function Question(props: {
  asked: Asked;
  close: () => void;
  name: (person: Person, choice: NameChoice) => void;
  merge: (ids: readonly string[], also?: boolean) => void;
  separate: (person: Person, name: string) => void;
}) {
  const { asked, close, name: give, merge, separate } = props;
  if (asked.kind === "name")
    return (
      <Dialog title={t("people.who")} close={close}>
        <div class="name-card">
          <PersonFace person={asked.person} />
          <NameField
            space={asked.person.space}
            label={t("people.name")}
            except={asked.person.id}
            hasFocus
            choose={(choice) => give(asked.person, choice)}
          />
        </div>
      </Dialog>
    );
  if (asked.kind === "merge") return <MergeDialog people={asked.people} close={close} merge={merge} />;
  if (asked.kind === "photo")
    return (
      <Dialog title={t("people.inOnePhoto")} close={close}>
        <p>{t("people.inOnePhotoHint")}</p>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => merge(asked.ids, true)}>
            {t("people.mergeAlso")}
          </button>
          <button type="button" class="button is-primary" onClick={close}>
            {t("dialog.cancel")}
          </button>
        </div>
      </Dialog>
    );
  const { person, name, others } = asked;
  return (
    <Dialog title={t("people.taken", { name })} close={close}>
      <p>{t("people.takenHint")}</p>
      <ul class="people-choice">
        {others.map((other) => (
          <li key={other.id}>
            <button type="button" class="menu-entry" onClick={() => merge([other.id, person.id])}>
              <PersonFace person={other} />
              <span>
                {t("people.samePerson", { name: other.name ?? name })}
                <small>{t("folders.items", { count: other.items })}</small>
              </span>
            </button>
          </li>
        ))}
        <li>
          <button type="button" class="menu-entry" onClick={() => separate(person, name)}>
            <PersonFace person={person} />
            <span>
              {t("people.anotherPerson", { name })}
              <small>{t("people.anotherHint")}</small>
            </span>
          </button>
        </li>
      </ul>
    </Dialog>
  );
}

function MergeDialog(props: {
  people: readonly Person[];
  close: () => void;
  merge: (ids: readonly string[]) => void;
}) {
  const { people, close, merge } = props;
  const names = namesOf(people);
  const [name, setName] = useState(names[0]);
  return (
    <Dialog title={t("people.mergeTitle", { count: people.length })} close={close}>
      <ul class="people-row">
        {people.map((person) => (
          <li key={person.id}>
            <PersonFace person={person} />
            {person.name}
          </li>
        ))}
      </ul>
      <p>{t("people.mergeHint")}</p>
      {names.length > 1 && (
        <fieldset class="people-names">
          <legend>{t("people.mergeName")}</legend>
          {names.map((one) => (
            <label key={one} class="check">
              <input type="radio" name="name" checked={one === name} onChange={() => setName(one)} />
              {one}
            </label>
          ))}
        </fieldset>
      )}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          {t("dialog.cancel")}
        </button>
        <button type="button" class="button is-primary" onClick={() => merge(mergeOrder(people, name))}>
          {t("people.merge")}
        </button>
      </div>
    </Dialog>
  );
}
