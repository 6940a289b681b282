// The virtual grid: draws the visible part of a TimelineModel, loads missing items, and cancels requests for parts
// that are no longer visible. Plain DOM: a frame creates and removes only the elements that changed.

import "./grid.css";
import { GridFocus } from "./focus";
import { rowWidths } from "./layout";
import type { Loader } from "./loader";
import type { GridItem, Section, TimelineModel } from "./model";
import { at, drift, isNearFalseEnd, type Mapping, type Position, scrolled, trackHeight } from "./scroll";
import { isSame, type Place } from "./shelves";
import { insertInOrder, type RowTexts, release, type TileBox, tileElement, writeRow } from "./tile";
import { TouchSelect } from "./touch-select";

/** The interface of the page around the grid. */
export interface GridHost {
  /** Address of an item, for its link. */
  href(item: GridItem): string;
  /** Address of an item's picture of at least `pixels` device pixels on the short edge. */
  picture(item: GridItem, pixels: number): string;
  /** Name of an item for screen readers. */
  label(item: GridItem, day: string, isSelected: boolean): string;
  /** The addition to the name of a selected row, whose texts are visible. */
  selected(): string;
  heading(day: string): string;
  duration(seconds: number): string;
  /** The item was selected; its link is not followed. */
  open(position: number, item: GridItem): void;
  /** The note beside the heading of a section, if it is known. */
  note(section: Section): string | undefined;
  /** The texts of a row of a list, if they are known. */
  row(position: number): RowTexts | undefined;
  /** The positions of the rows of a list that are on the screen or close to it. */
  rows(positions: readonly number[]): void;
  /** The sections whose headings are on the screen. */
  visible(sections: readonly Section[]): void;
  /** Tiles whose pictures have not arrived, by the id of the item. */
  waiting(tiles: ReadonlyMap<number, HTMLElement>): void;
  /** The day at the top of the screen, and the scroll position in the content, from 0 to 1. */
  moved(day: string, fraction: number): void;
}

/** The selection, and the events of the grid. */
export interface GridSelection {
  readonly isActive: boolean;
  has(id: number): boolean;
  /** An item was selected or deselected; `through`: together with all since the previous one. */
  toggle(position: number, item: GridItem, through: boolean): void;
  /** Selects all items between two while a finger is dragged over them. */
  drag(from: number, to: number): void;
  /** Selects or deselects all items of the section's day. */
  toggleDay(section: number): void;
  /** The label of the button for it. */
  dayLabel(day: string): string;
}

interface Shown {
  readonly element: HTMLElement;
  /** Tiles by their position in the timeline. */
  readonly tiles: Map<number, HTMLElement>;
  base: number;
  /** Its place in a row that it shares with other days. */
  readonly place: Place | undefined;
}

/** Pictures are drawn within this number of viewports above and below the screen. */
const OVERSCAN = 0.75;
/** The track is recentred after this many milliseconds without a scroll event. */
const PAUSE = 160;

export class Grid {
  readonly #track = document.createElement("div");
  readonly #shown = new Map<number, Shown>();
  readonly #waiting = new Map<number, HTMLElement>();
  readonly #focus: GridFocus;
  readonly #touch: TouchSelect;
  #position: Position = { top: 0, scrollTop: 0 };
  #frame = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #viewport = 0;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly model: TimelineModel,
    private readonly loader: Loader,
    private readonly host: GridHost,
    private readonly selection: GridSelection,
    /** The content above the pictures, absolute in the scroller; the model's metrics have its height. */
    private readonly intro?: HTMLElement,
  ) {
    this.#track.className = "grid-track";
    scroller.append(this.#track);
    scroller.addEventListener("scroll", this.#onScroll, { passive: true });
    this.#track.addEventListener("click", this.#onClick);
    this.#track.addEventListener("keydown", this.#onKey);
    this.#focus = new GridFocus(this.#track, model, (position) => this.showPosition(position));
    this.#touch = new TouchSelect(this.#track, selection, (position) => model.item(position));
    loader.onLoaded = (bucket, take) => this.#take(bucket, take);
    this.resized();
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#pause);
    this.scroller.removeEventListener("scroll", this.#onScroll);
    this.#focus.destroy();
    this.#touch.destroy();
    this.loader.stop();
    for (const shown of this.#shown.values()) release(shown.element);
    this.#track.remove();
  }

  /** The viewport or the model's metrics have changed. The content at the top stays there. */
  resized(): void {
    this.#viewport = this.scroller.clientHeight;
    this.#clear();
    this.#place();
    this.#draw();
  }

  /** Keeps the item at the top of the screen while `change` recomputes the layout. */
  relayout(change: () => void): void {
    const anchor = this.#anchor();
    change();
    this.#clear();
    this.#viewport = this.scroller.clientHeight;
    this.#position = at(this.#offsetOf(anchor), this.#mapping());
    this.#place();
    this.#draw();
  }

  /** Scrolls to a fraction of the content, 0 to 1. */
  showFraction(fraction: number): void {
    this.#jump(fraction * Math.max(0, this.model.height - this.#viewport));
  }

  showSection(section: number): void {
    this.#jump(this.model.offset(section));
  }

  /** Scrolls as little as needed to make the item's row visible. */
  showPosition(position: number): void {
    const section = this.model.sectionOfPosition(position);
    const bucketFirst = this.model.buckets[this.model.sections[section]?.bucket ?? 0]?.first ?? 0;
    const row = this.model.rows(section)?.find((r) => position - bucketFirst < r.to);
    const top = this.model.rowsTop(section) + (row?.top ?? 0);
    const bottom = top + (row?.height ?? 0);
    if (top < this.#position.top + this.model.metrics.heading) this.#jump(top - this.model.metrics.heading);
    else if (bottom > this.#position.top + this.#viewport)
      this.#jump(bottom - this.#viewport + this.model.metrics.gap);
    else this.#draw();
  }

  /** The element of an item, for the viewer's opening animation. */
  tile(position: number): HTMLElement | undefined {
    return this.#shown.get(this.model.sectionOfPosition(position))?.tiles.get(position);
  }

  /** Redraws an item. */
  refresh(position: number): void {
    const tiles = this.#shown.get(this.model.sectionOfPosition(position))?.tiles;
    const tile = tiles?.get(position);
    if (!tile) return;
    tiles?.delete(position);
    release(tile);
    this.#request();
  }

  /** Shows the note of a section that became known. */
  noted(section: Section, note: string): void {
    for (const [s, { element }] of this.#shown) {
      if (this.model.sections[s] !== section) continue;
      const shown = element.querySelector(".grid-note");
      if (shown) shown.textContent = note;
    }
  }

  /** Shows the texts of a row that became known. */
  described(position: number, texts: RowTexts): void {
    const tile = this.tile(position);
    if (tile) writeRow(tile, texts);
  }

  focusPosition(position: number): void {
    this.showPosition(position);
    this.#focus.move(position);
  }

  readonly #onScroll = () => {
    this.#position = scrolled(this.#position, this.scroller.scrollTop, this.#mapping());
    if (isNearFalseEnd(this.#position, this.#mapping())) this.#recentre();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#recentre(), PAUSE);
    this.#request();
  };

  readonly #onClick = (event: MouseEvent) => {
    if (event.button !== 0) return;
    const target = event.target as Element;
    const day = target.closest<HTMLElement>(".day-check");
    if (day)
      return this.selection.toggleDay(Number(day.closest<HTMLElement>(".grid-section")?.dataset.section));
    const tile = target.closest<HTMLElement>(".tile");
    const position = Number(tile?.dataset.position);
    const item = tile && this.model.item(position);
    if (!item) return;
    const isChoice = this.selection.isActive || target.closest(".tile-check") !== null || event.shiftKey;
    // The browser handles a new tab or window.
    if (!isChoice && (event.metaKey || event.ctrlKey)) return;
    event.preventDefault();
    if (this.#touch.hasEndedJustNow()) return;
    if (isChoice) {
      this.#focus.move(position);
      this.selection.toggle(position, item, event.shiftKey);
    } else this.host.open(position, item);
  };

  readonly #onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const position = Number((event.target as HTMLElement).dataset.position);
    const item = Number.isNaN(position) ? undefined : this.model.item(position);
    if (!item || (event.key !== "x" && event.key !== " ")) return;
    event.preventDefault();
    this.selection.toggle(position, item, event.shiftKey);
  };

  /** Redraws the selection. */
  selectionChanged(): void {
    for (const [s, shown] of this.#shown) {
      for (const [position, tile] of shown.tiles) {
        const item = this.model.item(position);
        if (item) this.#mark(tile, item, this.model.sections[s]?.day ?? "");
      }
      const section = this.model.sections[s];
      const columns = section && this.model.columns(section.bucket);
      const first = section && columns ? section.first - (this.model.buckets[section.bucket]?.first ?? 0) : 0;
      const ids = columns?.ids.slice(first, first + (section?.count ?? 0)) ?? [];
      const isWhole = ids.length > 0 && ids.every((id) => this.selection.has(id));
      const check = shown.element.querySelector(".day-check");
      check?.setAttribute("aria-pressed", String(isWhole));
    }
  }

  #mark(tile: HTMLElement, item: GridItem, day: string): void {
    const isChosen = this.selection.has(item.id);
    tile.classList.toggle("is-selected", isChosen);
    const state = tile.querySelector(".row-state");
    if (state) state.textContent = isChosen ? this.host.selected() : "";
    else tile.setAttribute("aria-label", this.host.label(item, day, isChosen));
  }

  #mapping(): Mapping {
    return { content: this.model.height, viewport: this.#viewport };
  }

  #jump(top: number): void {
    this.#position = at(top, this.#mapping());
    this.#place();
    this.#draw();
  }

  #recentre(): void {
    if (drift(this.#position, this.#mapping()) < 1) return;
    this.#position = at(this.#position.top, this.#mapping());
    this.#place();
    this.#draw();
  }

  /** Sets the height of the track and the scroll offset. The resulting event has no effect. */
  #place(): void {
    this.#track.style.height = `${trackHeight(this.#mapping())}px`;
    this.scroller.scrollTop = this.#position.scrollTop;
    // Browsers round the offset; the difference would count as a step.
    this.#position = { top: this.#position.top, scrollTop: this.scroller.scrollTop };
  }

  #request(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  /** The top of the screen: a section, and the position in it as a fraction of its height. */
  #anchor(): { section: number; part: number } {
    const section = this.model.rowStart(this.model.sectionAt(this.#position.top));
    const top = this.model.offset(section);
    const height = this.model.end(section) - top;
    return { section, part: height > 0 ? (this.#position.top - top) / height : 0 };
  }

  #offsetOf(anchor: { section: number; part: number }): number {
    const top = this.model.offset(anchor.section);
    return top + anchor.part * (this.model.end(anchor.section) - top);
  }

  /** Items were loaded: `take` adds them to the model. The visible content does not move. */
  #take(bucket: number, take: () => boolean): void {
    const anchor = this.#anchor();
    if (!take()) return;
    const range = this.model.buckets[bucket]?.sections ?? [0, 0];
    for (let s = range[0]; s < range[1]; s++) this.#remove(s);
    const top = this.#offsetOf(anchor);
    this.#position = { top, scrollTop: this.#position.scrollTop };
    this.#track.style.height = `${trackHeight(this.#mapping())}px`;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#recentre(), PAUSE);
    this.#request();
  }

  #draw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { top } = this.#position;
    if (this.intro) this.intro.style.transform = `translateY(${this.#position.scrollTop - top}px)`;
    const margin = this.#viewport * OVERSCAN;
    const [from, to] = [top - margin, top + this.#viewport + margin];
    const first = this.model.rowStart(this.model.sectionAt(from));
    let last = first;
    const needed = new Set<number>();
    const headings: Section[] = [];
    for (let s = first; s < this.model.sections.length && this.model.offset(s) < to; s++) {
      last = s;
      const section = this.model.sections[s];
      if (section && !this.model.columns(section.bucket)) needed.add(section.bucket);
      this.#drawSection(s, from, to);
      const isOnScreen = this.model.end(s) > top && this.model.offset(s) < top + this.#viewport;
      if (section && isOnScreen && this.model.hasHeading(s)) headings.push(section);
    }
    this.host.visible(headings);
    for (const s of this.#shown.keys()) if (s < first || s > last) this.#remove(s);
    for (const [id, tile] of this.#waiting) if (!tile.isConnected) this.#waiting.delete(id);
    this.host.waiting(this.#waiting);
    if (this.model.metrics.isList)
      this.host.rows([...this.#shown.values()].flatMap(({ tiles }) => [...tiles.keys()]));
    this.loader.want(needed);
    const day = this.model.sections[this.model.sectionAt(top + this.model.metrics.heading)]?.day;
    const range = this.model.height - this.#viewport;
    if (day !== undefined) this.host.moved(day, range > 0 ? Math.min(1, top / range) : 0);
  }

  #drawSection(s: number, from: number, to: number): void {
    const place = this.model.place(s);
    // Pictures of another day in the same row have been loaded.
    const before = this.#shown.get(s);
    if (before && !isSame(before.place, place)) this.#remove(s);
    let shown = this.#shown.get(s);
    if (!shown) {
      shown = { element: this.#sectionElement(s), tiles: new Map(), base: Number.NaN, place };
      this.#shown.set(s, shown);
    }
    const y = this.model.offset(s) + this.#position.scrollTop - this.#position.top;
    if (shown.base !== y) {
      shown.base = y;
      shown.element.style.transform = `translateY(${y}px)`;
    }
    this.#drawRows(s, shown, from - this.model.rowsTop(s), to - this.model.rowsTop(s));
  }

  /** Tiles of the rows between two offsets of the section; others are removed. */
  #drawRows(s: number, shown: Shown, from: number, to: number): void {
    const rows = this.model.rows(s);
    const section = this.model.sections[s];
    const bucket = section && this.model.buckets[section.bucket];
    const columns = section && this.model.columns(section.bucket);
    if (!rows || !bucket || !columns) return;
    const { metrics } = this.model;
    const heading = this.model.hasHeading(s) ? metrics.heading : 0;
    const keep = new Set<number>();
    for (const row of rows) {
      if (row.top + row.height < from || row.top > to) continue;
      let x = 0;
      const widths = rowWidths(columns.aspect, row, this.model.metricsOf(s));
      for (let i = row.from; i < row.to; i++) {
        const position = bucket.first + i;
        const width = widths[i - row.from] ?? 0;
        keep.add(position);
        if (!shown.tiles.has(position)) {
          const box = { x, y: heading + row.top, width, height: row.height };
          const tile = this.#tile(position, section.day, box);
          shown.tiles.set(position, tile);
          insertInOrder(shown.element, tile, position);
        }
        x += width + metrics.gap;
      }
    }
    for (const [position, tile] of shown.tiles) {
      if (keep.has(position)) continue;
      shown.tiles.delete(position);
      release(tile);
    }
  }

  #sectionElement(s: number): HTMLElement {
    const section = this.model.sections[s];
    const element = document.createElement("section");
    element.className = "grid-section";
    element.dataset.section = String(s);
    element.style.height = `${this.model.end(s) - this.model.offset(s)}px`;
    const place = this.model.place(s);
    if (place)
      Object.assign(element.style, { left: `${place.left}px`, right: "auto", width: `${place.width}px` });
    if (section && this.model.hasHeading(s) && this.model.metrics.heading > 0) {
      const heading = document.createElement("h2");
      heading.className = "grid-heading";
      heading.textContent = this.host.heading(section.day);
      const note = document.createElement("span");
      note.className = "grid-note";
      note.textContent = this.host.note(section) ?? "";
      heading.append(" ", note);
      element.append(heading, this.#dayCheck(section.day));
    }
    if (!this.model.rows(s)) {
      const skeleton = document.createElement("div");
      skeleton.className = "grid-skeleton";
      const top = this.model.hasHeading(s) ? this.model.metrics.heading : 0;
      skeleton.style.top = `${top}px`;
      skeleton.style.backgroundSize = `${this.model.metrics.rowHeight * 1.25}px ${this.model.metrics.rowHeight + this.model.metrics.gap}px`;
      element.append(skeleton);
    }
    const next = [...this.#shown.keys()].filter((other) => other > s).sort((a, b) => a - b)[0];
    this.#track.insertBefore(element, next === undefined ? null : (this.#shown.get(next)?.element ?? null));
    return element;
  }

  #dayCheck(day: string): HTMLElement {
    const check = document.createElement("button");
    check.type = "button";
    check.className = "day-check";
    check.setAttribute("aria-label", this.selection.dayLabel(day));
    check.setAttribute("aria-pressed", "false");
    return check;
  }

  #tile(position: number, day: string, box: TileBox): HTMLElement {
    const item = this.model.item(position);
    const isRow = this.model.metrics.isList === true;
    const tile = tileElement(
      item,
      position,
      box,
      isRow,
      this.host,
      () => item && this.#waiting.delete(item.id),
    );
    tile.tabIndex = this.#focus.position === position ? 0 : -1;
    if (!item) return tile;
    if (!tile.classList.contains("is-missing")) this.#waiting.set(item.id, tile);
    const texts = isRow ? this.host.row(position) : undefined;
    if (texts) writeRow(tile, texts);
    this.#mark(tile, item, day);
    return tile;
  }

  #remove(s: number): void {
    const shown = this.#shown.get(s);
    if (!shown) return;
    this.#shown.delete(s);
    release(shown.element);
  }

  #clear(): void {
    for (const s of [...this.#shown.keys()]) this.#remove(s);
  }
}
