// The search box: suggestions while typing, the history, and the button for filters.

import "./search.css";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Suggestion } from "../../api/shapes";
import { type Key, t } from "../../i18n";
import { go, href, route } from "../../lib/address";
import { sessionEnded } from "../../lib/session";
import { Icon, type IconName } from "../../ui/icons";
import { explain } from "../../ui/states";
import { announce } from "../../ui/toast";
import { destinationOf, lastWord } from "./data";
import { FilterPanel } from "./filters";

/** Milliseconds without a key before suggestions are requested. */
const PAUSE = 150;
/** Number of previous searches shown. */
const SHOWN = 8;

const icons: Record<Suggestion["kind"], IconName> = {
  person: "people",
  country: "place",
  region: "place",
  city: "place",
  tag: "tag",
  subject: "subject",
  folder: "folder",
  album: "albums",
};

interface Option {
  readonly key: string;
  readonly icon: IconName;
  readonly name: string;
  readonly kind?: Key;
  readonly to: string;
  /** An entry of the history: can be removed. */
  readonly past?: number;
}

export function SearchBox() {
  const asked = route.value.query.get("q") ?? "";
  const space = route.value.query.get("space") ?? undefined;
  const [text, setText] = useState(asked);
  const [isOpen, setOpen] = useState(false);
  const [showsFilters, setShowsFilters] = useState(false);
  const [options, setOptions] = useState<readonly Option[]>([]);
  const [chosen, setChosen] = useState(-1);
  const root = useRef<HTMLElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setText(asked), [asked]);

  const find = (q: string) => {
    setOpen(false);
    input.current?.blur();
    const query = q.trim();
    go(href(["photos"], { space, q: query }));
    if (query !== "") void api.noteSearch(query).catch((e) => sessionEnded(e));
  };

  useEffect(() => {
    if (!isOpen) return;
    const controller = new AbortController();
    const timer = setTimeout(
      () => {
        void optionsFor(text, space, controller.signal)
          .then((found) => {
            setOptions(found);
            setChosen(-1);
          })
          .catch((e) => controller.signal.aborted || sessionEnded(e) || announce(explain(e)));
      },
      text.trim() === "" ? 0 : PAUSE,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [text, isOpen, space]);

  useEffect(() => {
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || target.closest?.("input, textarea, select, dialog, .viewer")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      document.removeEventListener("keydown", onKey);
    };
  }, []);

  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && options.length > 0) {
      event.preventDefault();
      setOpen(true);
      setChosen((at) => (at + step + options.length + 1) % (options.length + 1));
    } else if (event.key === "Escape" && isOpen) {
      event.stopPropagation();
      setOpen(false);
    }
  };
  const option = options[chosen];
  const forget = async (past?: number) => {
    try {
      await (past === undefined ? api.forgetSearches() : api.forgetSearch(past));
      setOptions((all) => all.filter((o) => o.past === undefined || (past !== undefined && o.past !== past)));
    } catch (e) {
      if (!sessionEnded(e)) announce(explain(e));
    }
  };

  return (
    <search class="search-area" ref={root}>
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (isOpen && option) {
            setOpen(false);
            go(option.to);
          } else find(text);
        }}
      >
        <Icon name="search" />
        <input
          ref={input}
          class="search-input"
          type="text"
          inputMode="search"
          enterkeyhint="search"
          role="combobox"
          aria-expanded={isOpen && options.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={isOpen && option ? `${id}-${chosen}` : undefined}
          aria-autocomplete="list"
          aria-label={t("search.label")}
          placeholder={t("search.placeholder")}
          autocomplete="off"
          value={text}
          onFocus={() => setOpen(true)}
          onKeyDown={onKey}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setOpen(true);
          }}
        />
        {text !== "" && (
          <button
            type="button"
            class="icon-button"
            aria-label={t("search.clear")}
            onClick={() => {
              setText("");
              if (asked !== "") find("");
            }}
          >
            <Icon name="close" />
          </button>
        )}
        <button
          type="button"
          class="icon-button"
          aria-label={t("search.filters")}
          onClick={() => {
            setOpen(false);
            setShowsFilters(true);
          }}
        >
          <Icon name="filter" />
        </button>
      </form>
      <div
        class="suggestions"
        id={`${id}-list`}
        role="listbox"
        aria-label={t("search.suggestions")}
        hidden={!isOpen || options.length === 0}
      >
        {options.map((o, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys of the list are those of the box
          <div
            key={o.key}
            id={`${id}-${i}`}
            class={i === chosen ? "suggestion is-chosen" : "suggestion"}
            role="option"
            aria-selected={i === chosen}
            tabIndex={-1}
            onClick={() => {
              setOpen(false);
              go(o.to);
            }}
          >
            <Icon name={o.icon} />
            <span class="suggestion-name">{o.name}</span>
            {o.kind && <span class="suggestion-kind">{t(o.kind)}</span>}
            {o.past !== undefined && (
              <span
                class="suggestion-forget"
                aria-hidden="true"
                title={t("search.forget")}
                onClick={(event) => {
                  event.stopPropagation();
                  void forget(o.past);
                }}
              >
                <Icon name="close" />
              </span>
            )}
          </div>
        ))}
      </div>
      {showsFilters && (
        <FilterPanel
          query={asked}
          space={space}
          close={() => setShowsFilters(false)}
          find={(query) => {
            setShowsFilters(false);
            find(query);
          }}
        />
      )}
    </search>
  );
}

/** The entries of the list below the box: the history, or completions of the last word. */
async function optionsFor(
  text: string,
  space: string | undefined,
  signal: AbortSignal,
): Promise<readonly Option[]> {
  if (text.trim() === "") {
    const { searches } = await api.searches(signal);
    return searches.slice(0, SHOWN).map(({ id, query }) => ({
      key: `past ${id}`,
      icon: "history",
      name: query,
      to: href(["photos"], { space, q: query }),
      past: id,
    }));
  }
  const { suggestions } = await api.suggest(lastWord(text), signal);
  return suggestions.slice(0, 12).map((suggestion, i) => ({
    key: `${suggestion.kind} ${suggestion.name} ${i}`,
    icon: icons[suggestion.kind],
    name: suggestion.name,
    kind: `kind.${suggestion.kind}` as Key,
    to: destinationOf(suggestion, text, space),
  }));
}
