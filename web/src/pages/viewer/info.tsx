// The facts of an item.

import { saved } from "../../api/client";
import type { Item } from "../../api/shapes";
import { language, t } from "../../i18n";
import { href } from "../../lib/address";
import { momentInWords } from "../../lib/dates";
import { edit } from "../../lib/edits";
import { quoted } from "../../lib/query";
import { Icon } from "../../ui/icons";
import { Stars } from "../../ui/stars";

/** `1/250 s`, `0.8 s`, `13 s`. */
export function exposure(seconds: number): string {
  if (seconds > 0 && seconds < 0.3) return `1/${Math.round(1 / seconds)} s`;
  return `${Number(seconds.toFixed(1))} s`;
}

/** `3.4 MB`, in steps of 1,000, as phones and cameras count. */
export function size(bytes: number, lang: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const format = {
    style: "unit",
    unit: units[step] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: 1,
  } as const;
  return new Intl.NumberFormat(lang, format).format(bytes / 1000 ** step);
}

export function Info({ item, close }: { item: Item; close: () => void }) {
  const { camera, place } = item;
  const lang = language.value;
  const where = [place?.city, place?.region, place?.country].filter((part) => part).join(", ");
  const body = [camera?.make, camera?.model].filter((part) => part).join(" ");
  const settings = [
    camera?.focal_mm === undefined ? "" : `${Number(camera.focal_mm.toFixed(1))} mm`,
    camera?.f_number === undefined ? "" : `ƒ/${camera.f_number}`,
    camera?.exposure_s === undefined ? "" : exposure(camera.exposure_s),
    camera?.iso === undefined ? "" : `ISO ${camera.iso}`,
  ].filter((part) => part);
  const pixels =
    item.display_width && item.display_height
      ? t("info.pixels", { width: item.display_width, height: item.display_height })
      : "";
  const people = (item.faces ?? []).flatMap((face) => (face.person ? [face.person] : []));
  const position = item.gps && `${item.gps.lat.toFixed(5)}, ${item.gps.lon.toFixed(5)}`;
  const row = (label: string, ...lines: (string | undefined)[]) => {
    const filled = lines.filter((line) => line);
    if (filled.length === 0) return null;
    return (
      <div>
        <dt>{label}</dt>
        {filled.map((line) => (
          <dd key={line}>{line}</dd>
        ))}
      </div>
    );
  };

  return (
    <aside class="info" aria-label={t("viewer.info")}>
      <header>
        <h2>{t("viewer.info")}</h2>
        <button type="button" class="icon-button" aria-label={t("info.close")} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      {item.rights.includes("manage") && <Editing key={item.id} item={item} />}
      <dl>
        {!item.rights.includes("manage") && row(t("info.title"), item.title)}
        {!item.rights.includes("manage") && row(t("info.description"), item.description)}
        {row(
          t("info.taken"),
          item.taken ? momentInWords(item.taken.local, lang) : t("info.noDate"),
          item.taken && t("info.dateFrom", { source: item.taken.source, offset: item.taken.offset ?? "" }),
        )}
        {row(t("info.place"), where, position)}
        {row(t("info.camera"), body, camera?.lens, settings.join(" · "))}
        {row(t("info.file"), item.name, [pixels, size(item.bytes, lang)].filter((part) => part).join(" · "))}
        <div>
          <dt>{t("info.folder")}</dt>
          <dd>
            <a href={href(["folders", item.space, ...item.folder.split("/").filter((part) => part)])}>
              {[item.space, item.folder].filter((part) => part).join(" / ")}
            </a>
          </dd>
        </div>
        {!item.rights.includes("manage") && row(t("info.tags"), item.tags.join(", "))}
      </dl>
      {people.length > 0 && (
        <Links
          label={t("tab.people")}
          links={people.map((p) => [p.name ?? t("people.unnamed"), href(["people", p.id])])}
        />
      )}
      {item.subjects && item.subjects.length > 0 && (
        <Links
          label={t("tab.subjects")}
          links={item.subjects.map((s) => [s.label, href(["photos"], { q: `subject:${quoted(s.label)}` })])}
        />
      )}
      {item.rights.includes("download") && (
        <a class="button" href={saved(item.id)} download={item.name} data-external>
          <Icon name="download" />
          {t("viewer.download")}
        </a>
      )}
    </aside>
  );
}

/** A time with seconds, in the API's format. */
export function seconds(local: string): string {
  return local.length === 16 ? `${local}:00` : local.slice(0, 19);
}

function Links({ label, links }: { label: string; links: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3 class="info-label">{label}</h3>
      <ul class="chips">
        {[...new Map(links.map(([name, to]) => [to, name]))].map(([to, name]) => (
          <li key={to}>
            <a class="chip" href={to}>
              {name}
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Fields that are saved when they lose focus. */
function Editing({ item }: { item: Item }) {
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
