// The facts of an item that its owner may change.

import type { Item } from "../../api/shapes";
import { t } from "../../i18n";
import { edit } from "../../lib/edits";
import { Icon } from "../../ui/icons";
import { Stars } from "../../ui/stars";

/** A time with seconds, in the API's format. */
export function seconds(local: string): string {
  return local.length === 16 ? `${local}:00` : local.slice(0, 19);
}

/** Fields that are saved when they lose focus. */
export function Editing({ item }: { item: Item }) {
  const changed = (before: string | undefined, now: string) => (before ?? "") !== now.trim();
  const text = (name: "title" | "description", value: string) =>
    changed(item[name], value) && void edit([item.id], { set: { [name]: value.trim() || null } });
  return (
    <form class="form" onSubmit={(event) => event.preventDefault()}>
      <label class="field">
        <span>{t("info.title")}</span>
        <input
          class="input"
          name="title"
          value={item.title ?? ""}
          placeholder={t("info.addTitle")}
          onChange={(event) => text("title", event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{t("info.description")}</span>
        <textarea
          class="input"
          name="description"
          rows={2}
          value={item.description ?? ""}
          placeholder={t("info.addDescription")}
          onChange={(event) => text("description", event.currentTarget.value)}
        />
      </label>
      <Stars
        rating={item.rating ?? 0}
        rate={(rating) => void edit([item.id], { set: { rating: rating === 0 ? null : rating } })}
      />
      <label class="field">
        <span>{t("info.taken")}</span>
        <input
          class="input"
          name="taken"
          type="datetime-local"
          step="1"
          value={item.taken?.local.slice(0, 19) ?? ""}
          onChange={(event) =>
            event.currentTarget.value !== "" &&
            void edit([item.id], { set: { taken: seconds(event.currentTarget.value) } })
          }
        />
      </label>
      <div class="field">
        <span>{t("info.tags")}</span>
        <ul class="chips">
          {item.tags.map((tag) => (
            <li key={tag} class="chip">
              {tag}
              <button
                type="button"
                aria-label={t("info.removeTag", { tag })}
                onClick={() => void edit([item.id], { remove_tags: [tag] })}
              >
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
        <input
          class="input"
          name="tag"
          aria-label={t("edit.addTags")}
          placeholder={t("edit.addTags")}
          onKeyDown={(event) => {
            const tag = event.currentTarget.value.trim();
            if (event.key !== "Enter" || tag === "") return;
            event.preventDefault();
            event.currentTarget.value = "";
            void edit([item.id], { add_tags: [tag] });
          }}
        />
      </div>
    </form>
  );
}
