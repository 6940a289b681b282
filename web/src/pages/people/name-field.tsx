// "Who's this?": a name, with suggestions of people who are known. Enter saves; Escape cancels.

import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { Person } from "../../api/shapes";
import { t } from "../../i18n";
import { Face } from "../../ui/face";
import { Icon } from "../../ui/icons";

/** A name as typed, or one of the suggested people. */
export type NameChoice = { readonly name: string } | { readonly person: Person };

/** Milliseconds without a key before suggestions are requested. */
const PAUSE = 120;
const SUGGESTED = 6;

export function NameField(props: {
  space: string;
  label: string;
  name?: string | undefined;
  /** A person who is not suggested. */
  except?: string | undefined;
  /** Takes the focus when it appears. */
  hasFocus?: boolean;
  choose: (choice: NameChoice) => void;
  cancel?: () => void;
}) {
  const { space, label, name = "", except, cancel } = props;
  const [text, setText] = useState(name);
  const [found, setFound] = useState<readonly Person[]>([]);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const wanted = text.trim();

  useLayoutEffect(() => {
    const field = input.current;
    if (!field || !props.hasFocus) return;
    // A dialog opens after this, and gives the focus to the element with this attribute.
    field.autofocus = true;
    field.focus();
    field.select();
  }, []);

  useEffect(() => {
    setAt(-1);
    if (wanted === "" || wanted === name) return setFound([]);
    const controller = new AbortController();
    const timer = setTimeout(() => {
      peopleApi
        .list({ space, q: wanted, hidden: true, limit: SUGGESTED + 1 }, controller.signal)
        .then(({ people }) => setFound(people.filter((p) => p.id !== except).slice(0, SUGGESTED)))
        // A name can be entered without suggestions, too.
        .catch(() => undefined);
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [wanted]);

  const choose = (choice: NameChoice) => {
    setFound([]);
    props.choose(choice);
  };
  const onKey = (event: KeyboardEvent) => {
    // The keys of the page and of the viewer are not meant.
    event.stopPropagation();
    if (event.key === "Escape" && (found.length > 0 || cancel)) {
      event.preventDefault();
      if (found.length > 0) setFound([]);
      else cancel?.();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length > 0) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(((at + step + 1 + found.length + 1) % (found.length + 1)) - 1);
    }
  };
  return (
    <form
      class="name-field"
      onSubmit={(event) => {
        event.preventDefault();
        const person = found[at];
        if (person) choose({ person });
        else if (wanted !== "" && wanted !== name) choose({ name: wanted });
        else cancel?.();
      }}
    >
      <input
        ref={input}
        class="input"
        name="person"
        role="combobox"
        autocomplete="off"
        autocapitalize="words"
        maxLength={200}
        aria-label={label}
        aria-expanded={found.length > 0}
        aria-controls={`${id}list`}
        aria-activedescendant={at < 0 ? undefined : `${id}${at}`}
        aria-autocomplete="list"
        placeholder={label}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKey}
        onBlur={() => {
          setFound([]);
          if (wanted === name) cancel?.();
        }}
      />
      <button type="submit" class="icon-button" aria-label={t("edit.save")} disabled={wanted === ""}>
        <Icon name="check" />
      </button>
      <div
        class="name-suggestions"
        id={`${id}list`}
        role="listbox"
        aria-label={t("search.suggestions")}
        hidden={found.length === 0}
      >
        {found.map((person, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
          <div
            key={person.id}
            id={`${id}${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={i === at}
            // The field keeps the focus.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose({ person })}
          >
            <PersonFace person={person} />
            <span>{person.name}</span>
            <small>{t("folders.items", { count: person.items })}</small>
          </div>
        ))}
      </div>
    </form>
  );
}

/** The face of a person in a circle. */
export function PersonFace({ person }: { person: Person }) {
  const { cover } = person;
  return (
    <span class="person-face">
      {cover ? (
        <Face item={cover.id} version={cover.key} box={cover.box} />
      ) : (
        <span class="face is-blank">
          <Icon name="account" />
        </span>
      )}
    </span>
  );
}
