// The facts of an item.

import { original } from "../../api/client";
import type { Item } from "../../api/shapes";
import { language, t } from "../../i18n";
import { momentInWords } from "../../lib/dates";
import { Icon } from "../../ui/icons";

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
  const row = (label: string, ...lines: (string | undefined)[]) => {
    const filled = lines.filter((line) => line);
    if (filled.length === 0) return null;
    return (
      <div>
        <dt>{label}</dt>
        {filled.map((line) => (
          <dd>{line}</dd>
        ))}
      </div>
    );
  };

  return (
    <aside class="info" aria-label={t("viewer.info")}>
      <header>
        <h2>{item.title ?? t("viewer.info")}</h2>
        <button type="button" class="icon-button" aria-label={t("viewer.close")} onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <dl>
        {row(t("info.description"), item.description)}
        {row(
          t("info.taken"),
          item.taken ? momentInWords(item.taken.local, lang) : t("info.noDate"),
          item.taken?.offset,
        )}
        {row(t("info.place"), where)}
        {row(t("info.camera"), body, camera?.lens, settings.join(" · "))}
        {row(t("info.file"), item.name, [pixels, size(item.bytes, lang)].filter((part) => part).join(" · "))}
        {row(t("info.folder"), [item.space, item.folder].filter((part) => part).join(" / "))}
        {row(t("info.tags"), item.tags.join(", "))}
      </dl>
      {item.rights.includes("download") && (
        <a class="button" href={original(item.id)} download={item.name} data-external>
          <Icon name="download" />
          {t("viewer.download")}
        </a>
      )}
    </aside>
  );
}
