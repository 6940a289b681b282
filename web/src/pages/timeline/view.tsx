// Photos: all items of the selected libraries by day, month or year, newest first, or the results of a search.

import "./timeline.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Scope } from "../../api/client";
import { PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { go, href, route } from "../../lib/address";
import { fresh, isEngineRunning } from "../../lib/events";
import { Empty } from "../../ui/states";
import { SearchChips } from "../search/chips";
import { LEVELS, type Level, timelineSource } from "./data";
import { metricsFor } from "./metrics";

/** The scope of the address. */
export function scopeOf(query: URLSearchParams): Scope {
  const space = query.get("space");
  const q = query.get("q");
  return { ...(space ? { space } : {}), ...(q ? { q } : {}) };
}

function levelOf(query: URLSearchParams): Level {
  return LEVELS.find((level) => level === query.get("by")) ?? "day";
}

/** The address of the timeline, or of an item over it. */
function addressOf(scope: Scope, level: Level, item?: number): string {
  const path = item === undefined ? ["photos"] : ["photos", "item", item];
  return href(path, { space: scope.space, q: scope.q, by: level === "day" ? undefined : level });
}

export function TimelinePage() {
  const { query } = route.value;
  const scope = scopeOf(query);
  // Another scope is another page: no state of the old one is kept.
  return <Timeline key={JSON.stringify(scope)} scope={scope} level={levelOf(query)} />;
}

function Timeline({ scope, level }: { scope: Scope; level: Level }) {
  // Another round reloads the timeline.
  const [round, setRound] = useState(0);
  const source = useMemo(() => timelineSource(scope, level), [level, round]);
  const day = useRef("");
  const [, second, id] = route.value.segments;
  const opened = second === "item" && id !== undefined ? Number(id) : undefined;
  const zoom = useRef((_step: number) => {});
  zoom.current = (step) => {
    const to = LEVELS[LEVELS.indexOf(level) + step];
    if (to && opened === undefined) go(addressOf(scope, to), { replace: true });
  };
  usePinch(zoom);

  return (
    <PhotoList
      key={level}
      source={source}
      title={t("tab.photos")}
      intro={scope.q ? <SearchChips query={scope.q} /> : undefined}
      empty={
        scope.q ? (
          <Empty
            icon="search"
            title={t("timeline.nothing", { query: scope.q })}
            hint={t("timeline.nothingHint")}
          />
        ) : (
          <Empty icon="photos" title={t("timeline.empty")} hint={t("timeline.emptyHint")} />
        )
      }
      address={(item) => addressOf(scope, level, item)}
      opened={opened !== undefined && !Number.isNaN(opened) ? opened : undefined}
      metrics={metricsFor(level)}
      hasScrubber
      day={day}
    >
      {!isEngineRunning.value && <p class="notice">{t("events.noEngine")}</p>}
      {isEngineRunning.value && fresh.value > 0 && (
        <button
          type="button"
          class="notice is-action"
          onClick={() => {
            fresh.value = 0;
            setRound(round + 1);
          }}
        >
          {t("events.fresh", { count: fresh.value })}
        </button>
      )}
      <fieldset class="levels">
        <legend class="visually-hidden">{t("levels.label")}</legend>
        {[...LEVELS].reverse().map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === level}
            onClick={() => go(addressOf(scope, name), { replace: true })}
          >
            {t(`levels.${name}`)}
          </button>
        ))}
      </fieldset>
    </PhotoList>
  );
}

/** A pinch, or the wheel with the control key, changes the level. */
function usePinch(zoom: { current: (step: number) => void }): void {
  useEffect(() => {
    let wheel = 0;
    let start: number | undefined;
    const distance = (touches: TouchList) => {
      const [a, b] = [touches[0], touches[1]];
      return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : undefined;
    };
    const inGrid = (event: Event) => (event.target as Element | null)?.closest?.(".grid-scroller") !== null;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey || !inGrid(event)) return;
      event.preventDefault();
      wheel += event.deltaY;
      if (Math.abs(wheel) < 80) return;
      zoom.current(wheel > 0 ? 1 : -1);
      wheel = 0;
    };
    const onStart = (event: TouchEvent) => {
      start = inGrid(event) ? distance(event.touches) : undefined;
    };
    const onMove = (event: TouchEvent) => {
      const now = distance(event.touches);
      if (start === undefined || now === undefined) return;
      event.preventDefault();
      if (now / start < 0.7 || now / start > 1.4) {
        zoom.current(now < start ? 1 : -1);
        start = undefined;
      }
    };
    document.addEventListener("wheel", onWheel, { passive: false });
    document.addEventListener("touchstart", onStart, { passive: true });
    document.addEventListener("touchmove", onMove, { passive: false });
    return () => {
      document.removeEventListener("wheel", onWheel);
      document.removeEventListener("touchstart", onStart);
      document.removeEventListener("touchmove", onMove);
    };
  }, [zoom]);
}
