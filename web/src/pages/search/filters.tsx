// The filter panel: every condition with several values in the results, and the number of items for each value.

import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Facets } from "../../api/shapes";
import { type Key, t } from "../../i18n";
import { useAnswer } from "../../lib/answer";
import { queryOf, termsOf, withField, written } from "../../lib/query";
import { Dialog } from "../../ui/dialog";
import { Failed } from "../../ui/states";

/** Conditions in the order of the panel; others that the portal counts are not shown. */
const CONDITIONS = [
  "kind",
  "year",
  "person",
  "country",
  "city",
  "subject",
  "tag",
  "rating",
  "is",
  "camera",
  "lens",
  "iso",
  "aperture",
  "focal",
  "exposure",
  "format",
] as const;
/** Number of values of a condition shown at first. */
const FIRST = 8;

export function FilterPanel(props: {
  query: string;
  space: string | undefined;
  close: () => void;
  find: (query: string) => void;
}) {
  const [query, setQuery] = useState(props.query);
  const { answer, error, retry } = useAnswer(
    (signal) =>
      api.facets({ ...(props.space ? { space: props.space } : {}), ...(query ? { q: query } : {}) }, signal),
    [query, props.space],
  );
  const [from, to] = datesOf(query);
  return (
    <Dialog title={t("search.filters")} close={props.close}>
      {error !== undefined && <Failed error={error} retry={retry} />}
      <form
        class="form filters"
        onSubmit={(event) => {
          event.preventDefault();
          props.find(query);
        }}
      >
        <div class="filter-dates">
          <label class="field">
            <span>{t("filter.from")}</span>
            <input
              class="input"
              type="date"
              value={from}
              onChange={(e) => setQuery(withDates(query, e.currentTarget.value, to))}
            />
          </label>
          <label class="field">
            <span>{t("filter.to")}</span>
            <input
              class="input"
              type="date"
              value={to}
              onChange={(e) => setQuery(withDates(query, from, e.currentTarget.value))}
            />
          </label>
        </div>
        {answer &&
          CONDITIONS.map((name) => (
            <Condition
              key={name}
              name={name}
              values={answer.facets[name] ?? []}
              query={query}
              choose={setQuery}
            />
          ))}
        <div class="filter-end">
          <button type="button" class="button" disabled={query === ""} onClick={() => setQuery("")}>
            {t("filter.none")}
          </button>
          <button type="submit" class="button is-primary">
            {answer ? t("filter.show", { count: answer.items }) : t("filter.apply")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Condition(props: {
  name: (typeof CONDITIONS)[number];
  values: NonNullable<Facets["facets"][string]>;
  query: string;
  choose: (query: string) => void;
}) {
  const [showsAll, setShowsAll] = useState(false);
  const { name, query, choose } = props;
  const values = props.values.filter((v) => v.query !== undefined);
  if (values.length === 0) return null;
  const terms = termsOf(query).map(written);
  const shown = showsAll ? values : values.slice(0, FIRST);
  return (
    <fieldset class="filter">
      <legend>{t(`filter.${name}` as Key)}</legend>
      <div class="chips">
        {shown.map((value) => {
          const term = value.query ?? "";
          const isOn = terms.includes(term);
          return (
            <button
              key={value.value}
              type="button"
              class="chip"
              aria-pressed={isOn}
              onClick={() => choose(isOn ? without(query, term) : [query, term].join(" ").trim())}
            >
              {label(name, value.name ?? value.value)} <span class="count">{value.items}</span>
            </button>
          );
        })}
        {values.length > shown.length && (
          <button type="button" class="chip" onClick={() => setShowsAll(true)}>
            {t("filter.more", { count: values.length - shown.length })}
          </button>
        )}
      </div>
    </fieldset>
  );
}

/** Labels of values that are codes of the index. */
function label(name: string, value: string): string {
  const keys: Record<string, Key> = {
    "kind photo": "filter.photo",
    "kind video": "filter.video",
    "is 360": "filter.360",
    "is panorama": "filter.panorama",
    "is motion": "filter.motion",
    "is hdr": "filter.hdr",
    "is gps": "filter.gps",
  };
  const key = keys[`${name} ${value}`];
  if (key) return t(key);
  if (name === "rating") return "★".repeat(Math.max(0, Number(value))) || t("filter.unrated");
  if (name === "aperture") return `ƒ/${value}`;
  if (name === "focal") return `${value} mm`;
  if (name === "iso") return `ISO ${value}`;
  return value;
}

function without(query: string, term: string): string {
  return queryOf(termsOf(query).filter((other) => written(other) !== term));
}

/** The first and the last day of `date:FROM..TO`, empty if absent. */
export function datesOf(query: string): readonly [from: string, to: string] {
  const value = termsOf(query).find((term) => term.field === "date" && !term.isDenied)?.value ?? "";
  const m =
    /^(?:(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})|>=(\d{4}-\d{2}-\d{2})|<=(\d{4}-\d{2}-\d{2}))$/.exec(
      value,
    );
  return [m?.[1] ?? m?.[3] ?? "", m?.[2] ?? m?.[4] ?? ""];
}

export function withDates(query: string, from: string, to: string): string {
  const value = from && to ? `${from}..${to}` : from ? `>=${from}` : to ? `<=${to}` : "";
  return withField(query, "date", value);
}
