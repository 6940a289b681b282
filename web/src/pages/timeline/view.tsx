// Photos: all items of the chosen libraries by day, newest first, or what a search finds.

import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { api, type Scope } from "../../api/client";
import { Grid } from "../../grid/grid";
import { gridHost, type ListHost } from "../../grid/host";
import { rowHeightFor } from "../../grid/layout";
import { Loader } from "../../grid/loader";
import { type GridItem, TimelineModel } from "../../grid/model";
import { Scrubber } from "../../grid/scrubber";
import { t } from "../../i18n";
import { enter, href, route } from "../../lib/address";
import { sessionEnded } from "../../lib/session";
import { Empty, explain, Failed } from "../../ui/states";
import { Viewer } from "../viewer/view";
import { daysOf, fetcher } from "./data";

function metricsFor(width: number) {
  return { width, rowHeight: rowHeightFor(width, 1), gap: 3, heading: 44, dayGap: 18 };
}

/** The scope that the address names. */
export function scopeOf(query: URLSearchParams): Scope {
  const space = query.get("space");
  const q = query.get("q");
  return { ...(space ? { space } : {}), ...(q ? { q } : {}) };
}

/** The address of the timeline, or of an item over it, in a scope. */
function addressOf(scope: Scope, item?: number): string {
  return href(item === undefined ? ["photos"] : ["photos", "item", item], { space: scope.space, q: scope.q });
}

export function TimelinePage() {
  const scope = scopeOf(route.value.query);
  // Another scope is another page: nothing of the old one is kept.
  return <Timeline key={JSON.stringify(scope)} scope={scope} />;
}

function Timeline({ scope }: { scope: Scope }) {
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<Grid | undefined>(undefined);
  const fraction = useRef(signal(0)).current;
  const [model, setModel] = useState<TimelineModel>();
  const [error, setError] = useState<unknown>();
  const [notice, setNotice] = useState<unknown>();
  const [version, setVersion] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const reload = () => setAttempt((n) => n + 1);
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    api
      .timeline(scope, controller.signal)
      .then((timeline) =>
        setModel(new TimelineModel(daysOf(timeline), metricsFor(scroller.current?.clientWidth ?? 0))),
      )
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [attempt]);

  useEffect(() => {
    const element = scroller.current;
    if (!model || !element || model.count === 0) return;
    const host: ListHost = {
      address: (item: GridItem) => addressOf(scope, item.id),
      open: (_position, item) => enter(addressOf(scope, item.id)),
      moved: (_day, at) => {
        fraction.value = at;
      },
    };
    const loader = new Loader(model, fetcher(model, scope), reload, (e) => sessionEnded(e) || setNotice(e));
    const made = new Grid(element, model, loader, gridHost(host));
    const loaded = loader.onLoaded;
    loader.onLoaded = (bucket, take) => {
      loaded(bucket, take);
      setNotice(undefined);
      setVersion((n) => n + 1);
    };
    grid.current = made;
    let width = element.clientWidth;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth === width) return made.resized();
      width = element.clientWidth;
      made.relayout(() => model.setMetrics(metricsFor(width)));
      setVersion((n) => n + 1);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      grid.current = undefined;
    };
  }, [model, scope, fraction]);

  const [, second, id] = route.value.segments;
  const opened = second === "item" ? Number(id) : undefined;
  const isEmpty = model?.count === 0;

  return (
    <main class="page">
      <h1 class="visually-hidden">{t("tab.photos")}</h1>
      <div class="grid-scroller" ref={scroller}>
        {error !== undefined && <Failed error={error} retry={reload} />}
        {isEmpty &&
          (scope.q ? (
            <Empty
              icon="search"
              title={t("timeline.nothing", { query: scope.q })}
              hint={t("timeline.nothingHint")}
            />
          ) : (
            <Empty icon="photos" title={t("timeline.empty")} hint={t("timeline.emptyHint")} />
          ))}
      </div>
      {model && !isEmpty && (
        <Scrubber
          model={model}
          version={version}
          fraction={fraction}
          height={scroller.current?.clientHeight ?? 600}
          jump={(to) => grid.current?.showFraction(to)}
        />
      )}
      {notice !== undefined && (
        <div class="toast" role="alert">
          {explain(notice)}
        </div>
      )}
      {opened !== undefined && !Number.isNaN(opened) && (
        <Viewer
          id={opened}
          model={model}
          close={addressOf(scope)}
          show={(item) => addressOf(scope, item)}
          focus={(position) => grid.current?.focusPosition(position)}
          needs={(position) => grid.current?.showPosition(position)}
        />
      )}
    </main>
  );
}
