// A list of photos on a page: the virtual grid, the viewer over it, the selection with its actions.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api/client";
import { t } from "../i18n";
import { enter } from "../lib/address";
import { edits } from "../lib/edits";
import { sessionEnded } from "../lib/session";
import { ActionBar } from "../pages/selection/view";
import { Viewer } from "../pages/viewer/view";
import { KeyList } from "../ui/key-list";
import { explain, Failed } from "../ui/states";
import { announce } from "../ui/toast";
import { Grid, type GridSelection } from "./grid";
import { gridHost, heading } from "./host";
import type { GridMetrics } from "./layout";
import { type FetchBucket, Loader } from "./loader";
import { type DayCount, type GridItem, TimelineModel } from "./model";
import { type Describe, Notes } from "./notes";
import { type FetchValues, OnScreen } from "./on-screen";
import { Placeholders } from "./placeholders";
import { Scrubber } from "./scrubber";
import { idsBetween, Selection } from "./selection";
import type { RowTexts } from "./tile";

/** The source of the items of a list. */
export interface ListSource {
  /** The days of the list, or one day without a name for all of it. */
  load(signal: AbortSignal): Promise<readonly DayCount[]>;
  fetcher(model: TimelineModel): FetchBucket;
  /** Notes beside the headings. */
  describe?: Describe;
  /** Texts of the rows, by position, if the list is shown as rows. */
  rows?(model: TimelineModel): FetchValues<number, RowTexts>;
}

/** Milliseconds on the screen before the texts of rows are requested, and their number in one request. */
const ROW_PAUSE = 40;
const ROWS = 100;

export interface PhotoListProps {
  source: ListSource;
  /** For screen readers, if the page has no visible title. */
  title?: string;
  /** Content above the photos, which scrolls with them. */
  intro?: ComponentChildren;
  /** Shown instead of photos if there are none. */
  empty?: ComponentChildren;
  /** Address of the page, or of an item over it. */
  address: (item?: number) => string;
  /** The item open in the viewer. */
  opened: number | undefined;
  metrics: (width: number) => GridMetrics;
  hasScrubber?: boolean;
  /** The album of the list, if items may be removed from it. */
  album?: number | undefined;
  /** More actions on the selected items; `finish` ends the selection and reloads the list. */
  actions?: ((items: ReadonlySet<number>, finish: () => void) => ComponentChildren) | undefined;
  /** The page changes the grouping of days; the day at the top stays there. */
  day?: { current: string };
  /** Content over the photos, which does not scroll. */
  children?: ComponentChildren;
}

/** Height of a row of a list, in CSS pixels. */
const ROW_HEIGHT = 60;

/** Metrics of rows with texts, one per item. */
export function rowMetrics(width: number): GridMetrics {
  return { width, rowHeight: ROW_HEIGHT, gap: 1, heading: 0, dayGap: 1, isList: true };
}

/** Metrics of a list without days. */
export function flatMetrics(rowHeight: (width: number) => number): (width: number) => GridMetrics {
  return (width) => ({ width, rowHeight: rowHeight(width), gap: 3, heading: 0, dayGap: 3 });
}

export function PhotoList(props: PhotoListProps) {
  const { source, opened } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const intro = useRef<HTMLDivElement>(null);
  const grid = useRef<Grid | undefined>(undefined);
  const fraction = useRef(signal(0)).current;
  const selection = useMemo(() => new Selection(), [source]);
  const [model, setModel] = useState<TimelineModel>();
  const [error, setError] = useState<unknown>();
  const [version, setVersion] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(props);
  latest.current = props;
  const reload = () => setAttempt((n) => n + 1);
  const metrics = () => ({
    ...latest.current.metrics(innerWidth(scroller.current)),
    intro: intro.current?.offsetHeight ?? 0,
  });

  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    source
      .load(controller.signal)
      .then((days) => setModel(new TimelineModel(days, metrics())))
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [source, attempt]);

  useEffect(() => {
    const element = scroller.current;
    if (!model || !element || model.count === 0) return;
    const fetchBucket = source.fetcher(model);
    const add = (from: number, to: number, use: (ids: number[]) => void) =>
      void idsBetween(model, fetchBucket, from, to)
        .then(use)
        .catch((e) => sessionEnded(e) || announce(explain(e)));
    const chooser: GridSelection = {
      get isActive() {
        return selection.count.peek() > 0;
      },
      has: (id) => selection.has(id),
      toggle: (position, item, through) => {
        if (through) add(...selection.rangeTo(position), (ids) => selection.add(ids));
        else selection.toggle(position, item.id);
      },
      drag: (from, to) => add(Math.min(from, to), Math.max(from, to) + 1, (ids) => selection.drag(ids)),
      toggleDay: (section) =>
        add(...model.dayRange(section), (ids) => {
          if (ids.every((id) => selection.has(id))) selection.remove(ids);
          else selection.add(ids);
        }),
      dayLabel: (day) => t("select.day", { day: heading(day) }),
    };
    const notes =
      source.describe && new Notes(source.describe, (section, note) => grid.current?.noted(section, note));
    const placeholders = new Placeholders(api.thumbhashes);
    const rows =
      source.rows &&
      new OnScreen(source.rows(model), (at, texts) => grid.current?.described(at, texts), {
        pause: ROW_PAUSE,
        most: ROWS,
      });
    const host = gridHost({
      address: (item: GridItem) => latest.current.address(item.id),
      open: (_position, item) => enter(latest.current.address(item.id)),
      moved: (day, at) => {
        fraction.value = at;
        if (latest.current.day) latest.current.day.current = day;
      },
      note: (section) => notes?.get(section),
      row: (position) => rows?.get(position),
      rows: (positions) => rows?.want(positions),
      visible: (sections) => notes?.want(sections),
      waiting: (tiles) => placeholders.want(tiles),
    });
    // Read before the grid draws its top, which is another day.
    const day = latest.current.day?.current;
    const loader = new Loader(model, fetchBucket, reload, (e) => sessionEnded(e) || announce(explain(e)));
    const made = new Grid(element, model, loader, host, chooser, intro.current ?? undefined);
    const loaded = loader.onLoaded;
    loader.onLoaded = (bucket, take) => {
      loaded(bucket, take);
      setVersion((n) => n + 1);
    };
    grid.current = made;
    if (day) made.showSection(model.sectionOfDay(day));
    let width = innerWidth(element);
    const observer = new ResizeObserver(() => {
      const isSame =
        innerWidth(element) === width && (intro.current?.offsetHeight ?? 0) === model.metrics.intro;
      if (isSame) return made.resized();
      width = innerWidth(element);
      made.relayout(() => model.setMetrics(metrics()));
      setVersion((n) => n + 1);
    });
    observer.observe(element);
    if (intro.current) observer.observe(intro.current);
    const unfollow = selection.count.subscribe(() => made.selectionChanged());
    return () => {
      unfollow();
      observer.disconnect();
      made.destroy();
      notes?.stop();
      rows?.stop();
      placeholders.stop();
      grid.current = undefined;
    };
  }, [model, source, selection, fraction]);

  // An item opened by its address, before the surrounding part of the list is loaded.
  useEffect(() => {
    if (!model || opened === undefined || model.positionOf(opened) !== undefined) return;
    const controller = new AbortController();
    void findItem(model, source, opened, controller.signal)
      .then((bucket) => bucket !== undefined && setVersion((n) => n + 1))
      .catch((e) => controller.signal.aborted || sessionEnded(e));
    return () => controller.abort();
  }, [model, source, opened]);

  // The viewer has changed its item: update the favourite mark of the tile below.
  useEffect(() => {
    if (!model || opened === undefined || edits.value === 0) return;
    const controller = new AbortController();
    api
      .item(opened, controller.signal)
      .then((item) => {
        const position = model.setFavourite(opened, item.favourite === true);
        if (position !== undefined) grid.current?.refresh(position);
      })
      .catch((e) => controller.signal.aborted || sessionEnded(e));
    return () => controller.abort();
  }, [edits.value]);

  const [showsKeys, setShowsKeys] = useState(false);
  const selectAll = () => {
    if (!model) return;
    void idsBetween(model, source.fetcher(model), 0, model.count)
      .then((ids) => selection.add(ids))
      .catch((e) => sessionEnded(e) || announce(explain(e)));
  };
  useKeys(selection, selectAll, opened !== undefined, () => setShowsKeys(true));

  const isEmpty = model?.count === 0;
  const isChoosing = selection.count.value > 0;
  return (
    <main class={isChoosing ? "page is-choosing" : "page"}>
      {props.title && <h1 class="visually-hidden">{props.title}</h1>}
      <div class={props.hasScrubber ? "grid-scroller has-scrubber" : "grid-scroller"} ref={scroller}>
        {props.intro && (
          <div class={isEmpty ? "grid-intro is-alone" : "grid-intro"} ref={intro}>
            {props.intro}
          </div>
        )}
        {error !== undefined && <Failed error={error} retry={reload} />}
        {isEmpty && props.empty}
      </div>
      {model && !isEmpty && props.hasScrubber && (
        <Scrubber
          model={model}
          version={version}
          fraction={fraction}
          height={scroller.current?.clientHeight ?? 600}
          jump={(to) => grid.current?.showFraction(to)}
        />
      )}
      {props.children}
      {isChoosing && (
        <ActionBar
          selection={selection}
          changed={reload}
          all={selectAll}
          album={props.album}
          actions={props.actions}
        />
      )}
      {showsKeys && (
        <KeyList
          close={() => setShowsKeys(false)}
          rows={[
            ["← ↑ → ↓", t("keys.move")],
            ["Enter", t("keys.open")],
            ["X", t("keys.select")],
            ["Ctrl A", t("keys.selectAll")],
            ["Esc", t("select.clear")],
            ["/", t("keys.search")],
            ["?", t("keys.help")],
          ]}
        />
      )}
      {opened !== undefined && (
        <Viewer
          id={opened}
          model={model}
          version={version}
          close={props.address()}
          show={(item) => props.address(item)}
          focus={(position) => grid.current?.focusPosition(position)}
          needs={(position) => grid.current?.showPosition(position)}
        />
      )}
    </main>
  );
}

/** Keys for the whole list: select all or nothing. */
function useKeys(selection: Selection, selectAll: () => void, isCovered: boolean, help: () => void) {
  const latest = useRef({ selectAll, help });
  latest.current = { selectAll, help };
  useEffect(() => {
    if (isCovered) return;
    const onKey = (event: KeyboardEvent) => {
      const isTyping = (event.target as HTMLElement).closest?.("input, textarea, select, dialog");
      if (isTyping) return;
      if (event.key === "Escape") selection.clear();
      else if (event.key === "?") latest.current.help();
      else if ((event.ctrlKey || event.metaKey) && event.key === "a") {
        event.preventDefault();
        latest.current.selectAll();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [selection, isCovered]);
}

/** Loads the buckets of an item's day, until one contains it. */
async function findItem(
  model: TimelineModel,
  source: ListSource,
  id: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const item = await api.item(id, signal);
  const day = item.taken?.local.slice(0, 10) ?? "undated";
  const [from, to] = model.dayRange(model.sectionOfDay(day));
  const fetchBucket = source.fetcher(model);
  for (const [b, bucket] of model.buckets.entries()) {
    if (bucket.first + bucket.count <= from || bucket.first >= to || model.columns(b)) continue;
    model.setColumns(b, await fetchBucket(b, signal));
    if (model.positionOf(id) !== undefined) return b;
  }
  return undefined;
}

/** Width inside the padding. */
function innerWidth(element: HTMLElement | null): number {
  if (!element) return 0;
  const style = getComputedStyle(element);
  return element.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight);
}
