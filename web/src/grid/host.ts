// Parts that all grids of the application share: pictures, names, headings.

import { type ThumbnailSize, thumbnail } from "../api/client";
import { language, t } from "../i18n";
import { clock, dayInWords } from "../lib/dates";
import type { GridHost } from "./grid";
import { Flag, type GridItem, type Section } from "./model";
import type { RowTexts } from "./tile";

/** The differences between pages. */
export interface ListHost {
  address(item: GridItem): string;
  open(position: number, item: GridItem): void;
  moved(day: string, fraction: number): void;
  note(section: Section): string | undefined;
  row(position: number): RowTexts | undefined;
  rows(positions: readonly number[]): void;
  visible(sections: readonly Section[]): void;
  waiting(tiles: ReadonlyMap<number, HTMLElement>): void;
}

/** The smallest thumbnail that looks sharp: 240 and 320 pixels on the short edge, then 1280. */
export function sizeFor(pixels: number): ThumbnailSize {
  if (pixels <= 260) return "sm";
  return pixels <= 480 ? "m" : "xl";
}

/** A day, or a month or year of a group, in words. */
export const heading = (day: string) =>
  day === "undated" ? t("timeline.undated") : dayInWords(day, language.value, new Date().getFullYear());

export function gridHost(list: ListHost): GridHost {
  return {
    href: list.address,
    open: list.open,
    moved: list.moved,
    note: list.note,
    row: list.row,
    rows: list.rows,
    visible: list.visible,
    waiting: list.waiting,
    picture: (item, pixels) => thumbnail(item.id, item.key, sizeFor(pixels)),
    label: (item, day, isSelected) => {
      const date = heading(day);
      const name = t(item.isVideo ? "timeline.video" : "timeline.photo", { day: date });
      // The text on the tile is part of its name.
      const mark = item.isVideo && item.duration !== undefined ? clock(item.duration) : "";
      const parts = [
        date === "" ? name.replace(/, $/, "") : name,
        mark,
        item.flags & Flag.sphere ? "360°" : "",
      ];
      const whole = parts.filter((part) => part !== "").join(", ");
      return isSelected ? t("select.selected", { name: whole }) : whole;
    },
    selected: () => t("select.isSelected"),
    heading,
    duration: clock,
  };
}
