// A search as chips: each condition can be removed.

import { t } from "../../i18n";
import { go, href, route } from "../../lib/address";
import { queryOf, termsOf, written } from "../../lib/query";
import { Icon } from "../../ui/icons";

export function SearchChips({ query }: { query: string }) {
  const terms = termsOf(query);
  const space = route.value.query.get("space") ?? undefined;
  return (
    <ul class="chips" aria-label={t("search.conditions")}>
      {terms.map((term, i) => (
        <li key={written(term)} class="chip">
          {written(term)}
          <button
            type="button"
            aria-label={t("search.without", { condition: written(term) })}
            onClick={() =>
              go(href(["photos"], { space, q: queryOf(terms.filter((_, other) => other !== i)) }))
            }
          >
            <Icon name="close" />
          </button>
        </li>
      ))}
    </ul>
  );
}
