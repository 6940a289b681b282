// The sort order of a list.

import { type Key, t } from "../i18n";

export function SortMenu<S extends string>(props: {
  sorts: readonly S[];
  sort: S;
  choose: (sort: S) => void;
}) {
  return (
    <select
      class="input"
      aria-label={t("sort.label")}
      value={props.sort}
      onChange={(event) => {
        const chosen = props.sorts.find((s) => s === event.currentTarget.value);
        if (chosen !== undefined) props.choose(chosen);
      }}
    >
      {props.sorts.map((sort) => (
        <option key={sort} value={sort}>
          {t(`sort.${sort}` as Key)}
        </option>
      ))}
    </select>
  );
}
