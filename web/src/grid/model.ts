// The timeline as a list of sections with heights and offsets. A section is a day, or a part of a day with very many
// items. Items are loaded in buckets, runs of sections with some hundred items. It has no side effects except its own
// state.

import {
  ESTIMATED_ASPECT,
  estimateHeight,
  type GridMetrics,
  justify,
  layoutAspect,
  MIN_ASPECT,
  type Row,
  rowsHeight,
} from "./layout";
import { type Day, type Place, shelf } from "./shelves";

/** A day of the timeline index: `2023-07-01`, `1965-07`, `1965`, or `undated`; or a group of them, a month or a year. */
export interface DayCount {
  readonly day: string;
  readonly count: number;
  /** The first and the last day of a group, in timeline order. */
  readonly from?: string;
  readonly to?: string;
}

/** The columns of `GET items?format=grid`, all of equal length. */
export interface GridColumns {
  readonly ids: readonly number[];
  readonly aspect: readonly number[];
  readonly kind: string;
  readonly flags: readonly number[];
  readonly keys: readonly number[];
  readonly durations: readonly (readonly [number, number])[];
}

/** Bits of `flags`. */
export const Flag = {
  favourite: 1,
  moves: 2,
  sphere: 4,
  hdr: 8,
  raw: 16,
  noThumbnail: 32,
  damaged: 64,
  stack: 128,
} as const;

/** Maximum number of items of a section; a day with more is split into sections, of which the first has the heading. */
export const SECTION_ITEMS = 500;
/** A bucket takes whole sections until it has this number of items. */
const BUCKET_ITEMS = 300;

export interface Section {
  readonly day: string;
  /** The days of its items; `day` itself unless it is a group. */
  readonly from: string;
  readonly to: string;
  /** Number of items of the day before this section. */
  readonly offset: number;
  readonly count: number;
  /** Position of its first item in the whole timeline. */
  readonly first: number;
  readonly bucket: number;
}

export interface Bucket {
  readonly sections: readonly [from: number, to: number];
  readonly first: number;
  readonly count: number;
}

/** One item, for the grid and the viewer. */
export interface GridItem {
  readonly id: number;
  readonly aspect: number;
  readonly isVideo: boolean;
  readonly flags: number;
  readonly key: number;
  readonly duration?: number;
}

export class TimelineModel {
  readonly sections: readonly Section[];
  readonly buckets: readonly Bucket[];
  readonly count: number;
  #metrics: GridMetrics;
  /** Offsets of the sections in the content, and the content's height last. */
  #offsets: Float64Array;
  #rows: (readonly Row[] | undefined)[];
  /** Places of short days that share a row. */
  #places: (Place | undefined)[] = [];
  #columns: (GridColumns | undefined)[];

  constructor(days: readonly DayCount[], metrics: GridMetrics) {
    const sections: Section[] = [];
    const buckets: Bucket[] = [];
    let first = 0;
    let bucketStart = 0;
    let bucketFirst = 0;
    const closeBucket = () => {
      if (sections.length === bucketStart) return;
      buckets.push({
        sections: [bucketStart, sections.length],
        first: bucketFirst,
        count: first - bucketFirst,
      });
      bucketStart = sections.length;
      bucketFirst = first;
    };
    for (const { day, count, from = day, to = day } of days) {
      for (let offset = 0; offset < count; offset += SECTION_ITEMS) {
        const size = Math.min(SECTION_ITEMS, count - offset);
        // One request covers whole days, or a part of one day.
        const partOfDay = count > SECTION_ITEMS;
        if (partOfDay || first - bucketFirst + size > BUCKET_ITEMS || day === "undated") closeBucket();
        sections.push({ day, from, to, offset, count: size, first, bucket: buckets.length });
        first += size;
        if (partOfDay) closeBucket();
      }
    }
    closeBucket();
    this.sections = sections;
    this.buckets = buckets;
    this.count = first;
    this.#metrics = metrics;
    this.#rows = new Array(sections.length);
    this.#columns = new Array(buckets.length);
    this.#offsets = new Float64Array(sections.length + 1);
    this.#measure();
  }

  get metrics(): GridMetrics {
    return this.#metrics;
  }

  /** Height of the content. */
  get height(): number {
    return this.#offsets[this.sections.length] ?? 0;
  }

  /** Recomputes the layout, for another width or zoom. Loaded items are kept. */
  setMetrics(metrics: GridMetrics): void {
    this.#metrics = metrics;
    this.#rows = new Array(this.sections.length);
    this.#measure();
  }

  /** Adds the items of a bucket. A wrong number of items means that the timeline has changed: false, nothing is added. */
  setColumns(bucket: number, columns: GridColumns): boolean {
    const b = this.buckets[bucket];
    if (!b || columns.ids.length !== b.count) return false;
    this.#columns[bucket] = columns;
    for (let s = b.sections[0]; s < b.sections[1]; s++) this.#rows[s] = undefined;
    this.#measure();
    return true;
  }

  /** Unloads items, to save memory. Heights return to the estimate unless rows are known. */
  dropColumns(bucket: number): void {
    this.#columns[bucket] = undefined;
  }

  columns(bucket: number): GridColumns | undefined {
    return this.#columns[bucket];
  }

  /** Offset of a section in the content. */
  offset(section: number): number {
    return this.#offsets[section] ?? this.height;
  }

  /** Offset of the end of a section, with the blank space below it; several sections of one row end together. */
  end(section: number): number {
    let next = section + 1;
    while ((this.#places[next]?.left ?? 0) > 0) next++;
    return this.offset(next);
  }

  /** The horizontal place of a section, if it shares its row with others. */
  place(section: number): Place | undefined {
    return this.#places[section];
  }

  /** The first section of the row of a section. */
  rowStart(section: number): number {
    let first = section;
    while ((this.#places[first]?.left ?? 0) > 0) first--;
    return first;
  }

  /** The metrics of the rows of a section. */
  metricsOf(section: number): GridMetrics {
    const place = this.#places[section];
    return place ? { ...this.#metrics, width: place.width } : this.#metrics;
  }

  /** Offset of the first row below a section's heading. */
  rowsTop(section: number): number {
    return this.offset(section) + this.#headingHeight(section);
  }

  hasHeading(section: number): boolean {
    return this.sections[section]?.offset === 0;
  }

  /** The rows of a section, once its items are loaded. */
  rows(section: number): readonly Row[] | undefined {
    const s = this.sections[section];
    const columns = s && this.#columns[s.bucket];
    const bucket = s && this.buckets[s.bucket];
    if (!columns || !bucket) return undefined;
    const start = s.first - bucket.first;
    const place = this.#places[section];
    if (place) return [{ from: start, to: start + s.count, top: 0, height: place.height }];
    const known = this.#rows[section];
    if (known) return known;
    const rows = justify(columns.aspect, start, start + s.count, this.#metrics);
    this.#rows[section] = rows;
    return rows;
  }

  /** The section at a content offset. */
  sectionAt(top: number): number {
    let low = 0;
    let high = this.sections.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#offsets[middle] ?? 0) <= top) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The section of an item, by the item's position in the timeline. */
  sectionOfPosition(position: number): number {
    let low = 0;
    let high = this.sections.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.sections[middle]?.first ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The item at a position, if its bucket is loaded. */
  item(position: number): GridItem | undefined {
    const section = this.sections[this.sectionOfPosition(position)];
    const bucket = section && this.buckets[section.bucket];
    const columns = section && this.#columns[section.bucket];
    if (!bucket || !columns) return undefined;
    const i = position - bucket.first;
    const id = columns.ids[i];
    if (id === undefined) return undefined;
    const duration = columns.durations.find(([at]) => at === i)?.[1];
    return {
      id,
      aspect: (columns.aspect[i] ?? 100) / 100,
      isVideo: columns.kind[i] === "v",
      flags: columns.flags[i] ?? 0,
      key: columns.keys[i] ?? 0,
      ...(duration === undefined ? {} : { duration }),
    };
  }

  /** The position of an item, if it is loaded. */
  positionOf(id: number): number | undefined {
    for (const [b, columns] of this.#columns.entries()) {
      const i = columns?.ids.indexOf(id) ?? -1;
      const bucket = this.buckets[b];
      if (i >= 0 && bucket) return bucket.first + i;
    }
    return undefined;
  }

  /** Sets or clears the favourite mark of an item. Returns its position, if it is loaded. */
  setFavourite(id: number, isFavourite: boolean): number | undefined {
    const position = this.positionOf(id);
    if (position === undefined) return undefined;
    const b = this.sections[this.sectionOfPosition(position)]?.bucket ?? 0;
    const columns = this.#columns[b];
    const at = position - (this.buckets[b]?.first ?? 0);
    if (!columns) return undefined;
    const flags = [...columns.flags];
    flags[at] = isFavourite ? (flags[at] ?? 0) | Flag.favourite : (flags[at] ?? 0) & ~Flag.favourite;
    this.#columns[b] = { ...columns, flags };
    return position;
  }

  #headingHeight(section: number): number {
    return this.hasHeading(section) ? this.#metrics.heading : 0;
  }

  #isLastOfDay(section: number): boolean {
    return this.sections[section + 1]?.day !== this.sections[section]?.day;
  }

  /** The section of a day, or the nearest one after it. */
  sectionOfDay(day: string): number {
    const at = this.sections.findIndex(
      (s) => s.offset === 0 && (s.from === day || s.to === day || s.day === day),
    );
    if (at >= 0) return at;
    // `2023-07` is the end of the month: it precedes the days of the month in the timeline.
    const later = this.sections.findIndex((s) => s.day !== "undated" && s.to <= `${day}~`);
    return later >= 0 ? later : Math.max(0, this.sections.length - 1);
  }

  /** Positions of all items of a section's day: first, and the one after the last. */
  dayRange(section: number): readonly [from: number, to: number] {
    let [a, b] = [section, section];
    const day = this.sections[section]?.day;
    while (a > 0 && this.sections[a - 1]?.day === day) a--;
    while (this.sections[b + 1]?.day === day && b + 1 < this.sections.length) b++;
    const last = this.sections[b];
    return [this.sections[a]?.first ?? 0, (last?.first ?? 0) + (last?.count ?? 0)];
  }

  /** A day that may share its row with others: a whole one, with a date. */
  #short(section: number): Day | undefined {
    const s = this.sections[section];
    const bucket = s && this.buckets[s.bucket];
    if (!s || !bucket || s.day === "undated" || s.offset > 0 || !this.#isLastOfDay(section)) return undefined;
    if (s.count * MIN_ASPECT * this.#metrics.rowHeight > this.#metrics.width) return undefined;
    const columns = this.#columns[s.bucket];
    if (!columns) return { count: s.count, aspects: s.count * ESTIMATED_ASPECT };
    const first = s.first - bucket.first;
    let aspects = 0;
    for (let i = first; i < first + s.count; i++) aspects += layoutAspect(columns.aspect[i] ?? 100);
    return { count: s.count, aspects };
  }

  /** Sums up the heights. At most a few thousand additions, even for a million items. */
  #measure(): void {
    let top = this.#metrics.intro ?? 0;
    this.#places = new Array(this.sections.length);
    for (let s = 0; s < this.sections.length; s++) {
      this.#offsets[s] = top;
      const places = shelf((n) => this.#short(s + n), this.#metrics);
      for (const [n, place] of places.entries()) {
        this.#offsets[s + n] = top;
        this.#places[s + n] = place;
      }
      if (places.length > 1) {
        top += this.#metrics.heading + (places[0]?.height ?? 0) + this.#metrics.dayGap;
        s += places.length - 1;
        continue;
      }
      const rows = this.rows(s);
      const section = this.sections[s];
      const height = rows ? rowsHeight(rows) : estimateHeight(section?.count ?? 0, this.#metrics);
      top +=
        this.#headingHeight(s) + height + (this.#isLastOfDay(s) ? this.#metrics.dayGap : this.#metrics.gap);
    }
    this.#offsets[this.sections.length] = top;
  }
}
