// The facts of an item.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { saved } from "../../api/client";
import type { Item } from "../../api/shapes";
import { language, t } from "../../i18n";
import { href } from "../../lib/address";
import { momentInWords } from "../../lib/dates";
import { edit } from "../../lib/edits";
import { quoted } from "../../lib/query";
import { MiniMap } from "../../map/mini";
import { Icon } from "../../ui/icons";
import { PositionDialog } from "../selection/position-dialog";
import { Editing } from "./editing";
import { cameraName, exposure, size } from "./format";

/** `people`: the people in the picture, between what can be edited and the other facts. */
export function Info({ item, people, close }: { item: Item; people: ComponentChildren; close: () => void }) {
  const { camera, place } = item;
  const lang = language.value;
  const where = [place?.city, place?.region, place?.country].filter((part) => part).join(", ");
  const body = cameraName(camera?.make, camera?.model);
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
  const mayEdit = item.rights.includes("manage");
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
      {mayEdit && <Editing key={item.id} item={item} />}
      {people}
      <dl>
        {!mayEdit && row(t("info.title"), item.title)}
        {!mayEdit && row(t("info.description"), item.description)}
        <div>
          <dt>{t(mayEdit ? "info.dateSource" : "info.taken")}</dt>
          {!item.taken && <dd>{t("info.noDate")}</dd>}
          {item.taken && !mayEdit && <dd>{momentInWords(item.taken.local, lang)}</dd>}
          {item.taken && <DateSource taken={item.taken} />}
        </div>
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
        {!mayEdit && row(t("info.tags"), item.tags.join(", "))}
      </dl>
      {item.gps && (
        <MiniMap
          lat={item.gps.lat}
          lon={item.gps.lon}
          to={href(["places", "map"], { at: `${item.gps.lat},${item.gps.lon},11` })}
        />
      )}
      {mayEdit && <PositionEdit item={item} />}
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

function PositionEdit({ item }: { item: Item }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        <Icon name="place" />
        {t(item.gps ? "position.change" : "position.add")}
      </button>
      {isOpen && (
        <PositionDialog
          count={1}
          at={item.gps}
          close={() => setOpen(false)}
          save={(gps) => {
            setOpen(false);
            void edit([item.id], { set: { gps } });
          }}
        />
      )}
    </>
  );
}

/** Where the date comes from, and the dates that were not used. */
function DateSource({ taken }: { taken: NonNullable<Item["taken"]> }) {
  const source = t("info.dateFrom", { source: taken.source, offset: taken.offset ?? "" });
  const rejected = taken.rejected ?? [];
  if (rejected.length === 0) return <dd>{source}</dd>;
  return (
    <dd>
      <details class="info-why">
        <summary>{source}</summary>
        <p>{t("info.otherDates")}</p>
        <ul>
          {rejected.map((other) => (
            <li key={other.source + other.value}>
              <strong>{other.source}</strong> {other.value}
              <br />
              {other.why}
            </li>
          ))}
        </ul>
      </details>
    </dd>
  );
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
