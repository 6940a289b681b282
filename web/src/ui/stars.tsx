// A rating of one to five stars; choosing the current one again removes it.

import { t } from "../i18n";
import { Icon } from "./icons";

const STARS = [1, 2, 3, 4, 5] as const;

export function Stars({ rating, rate }: { rating: number; rate: (rating: number) => void }) {
  return (
    <fieldset class="stars">
      <legend class="visually-hidden">{t("edit.rating")}</legend>
      {STARS.map((n) => (
        <button
          key={n}
          type="button"
          class={n <= rating ? "icon-button star is-on" : "icon-button star"}
          aria-label={t("edit.stars", { count: n })}
          aria-pressed={n === rating}
          onClick={() => rate(n === rating ? 0 : n)}
        >
          <Icon name="star" />
        </button>
      ))}
    </fieldset>
  );
}
