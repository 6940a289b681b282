// The rail beside the timeline: years and months, the current position, and jumps to a date.

import "./scrubber.css";
import type { Signal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";
import { language, t } from "../i18n";
import { monthInWords, parts } from "../lib/dates";
import type { TimelineModel } from "./model";

/** Minimum distance of year labels, in CSS pixels. */
const LABEL_DISTANCE = 22;

interface Tick {
  readonly label: string;
  /** 0 at the top of the content, 1 at its end. */
  readonly at: number;
}

/** One tick per year, at its first section; ticks too near to the previous one are left out. */
export function yearTicks(model: TimelineModel, height: number): Tick[] {
  const ticks: Tick[] = [];
  let year: number | undefined;
  for (const [s, section] of model.sections.entries()) {
    const p = parts(section.day);
    if (!p || p.year === year) continue;
    year = p.year;
    const at = model.height > 0 ? model.offset(s) / model.height : 0;
    const before = ticks[ticks.length - 1];
    if (before && (at - before.at) * height < LABEL_DISTANCE) continue;
    ticks.push({ label: String(year), at });
  }
  return ticks;
}

/** The day at a fraction of the content. */
export function dayAt(model: TimelineModel, fraction: number): string {
  return model.sections[model.sectionAt(fraction * model.height)]?.day ?? "";
}

export function Scrubber(props: {
  model: TimelineModel;
  /** Incremented when heights have changed. */
  version: number;
  fraction: Signal<number>;
  height: number;
  jump: (fraction: number) => void;
}) {
  const rail = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<number>();
  const { model, height, fraction } = props;
  const inWords = (day: string) =>
    day === "undated" ? t("timeline.undated") : monthInWords(day, language.value);
  const at = drag ?? fraction.value;

  const fractionOf = (event: PointerEvent) => {
    const box = rail.current?.getBoundingClientRect();
    return box ? Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)) : 0;
  };
  const move = (event: PointerEvent) => {
    const to = fractionOf(event);
    setDrag(to);
    props.jump(to);
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Record<string, number> = {
      ArrowUp: -0.01,
      ArrowDown: 0.01,
      PageUp: -0.1,
      PageDown: 0.1,
      Home: -1,
      End: 1,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    props.jump(Math.min(1, Math.max(0, fraction.value + step)));
  };

  return (
    <div
      ref={rail}
      class={drag === undefined ? "scrubber" : "scrubber is-dragged"}
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t("scrubber.label")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(fraction.value * 100)}
      aria-valuetext={inWords(dayAt(model, fraction.value))}
      onKeyDown={onKey}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        move(event);
      }}
      onPointerMove={(event) => drag !== undefined && move(event)}
      onPointerUp={() => setDrag(undefined)}
      onPointerCancel={() => setDrag(undefined)}
    >
      {yearTicks(model, height).map((tick) => (
        <span class="scrubber-year" style={{ top: `${tick.at * 100}%` }}>
          {tick.label}
        </span>
      ))}
      <span class="scrubber-thumb" style={{ top: `${at * 100}%` }}>
        {drag !== undefined && <span class="scrubber-label">{inWords(dayAt(model, drag))}</span>}
      </span>
    </div>
  );
}
