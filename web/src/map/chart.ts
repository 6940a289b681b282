// The base of a map: land and borders on a canvas, moved by gestures.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { language } from "../i18n";
import { countryName } from "../lib/countries";
import { theme } from "../lib/session";
import { explain } from "../ui/states";
import { announce } from "../ui/toast";
import type { Land } from "./decode";
import { coloursOf, draw } from "./draw";
import { followGestures } from "./gestures";
import { isFineAt, landFor } from "./land";
import type { Size, View } from "./mercator";

export interface ChartState {
  /** The element that gestures move. */
  readonly chart: RefObject<HTMLDivElement | null>;
  readonly canvas: RefObject<HTMLCanvasElement | null>;
  /** Absent until the element has been measured. */
  readonly size: Size | undefined;
  readonly view: View | undefined;
  readonly show: (view: View) => void;
}

/** `first`: the view for the size of the element when it is measured. */
export function useChart(first: (size: Size) => View): ChartState {
  const chart = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState<Size>();
  const [view, setView] = useState<View>();
  const [land, setLand] = useState<Land>();
  const latest = useRef({ size, view });
  latest.current = { size, view };

  useLayoutEffect(() => {
    const element = chart.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      const now = { width: element.clientWidth, height: element.clientHeight };
      setSize(now);
      setView((old) => old ?? first(now));
    });
    observer.observe(element);
    const end = followGestures(element, {
      size: () => latest.current.size ?? { width: 1, height: 1 },
      view: () => latest.current.view,
      move: (to) => {
        // Several events of one frame build on each other.
        latest.current.view = to;
        setView(to);
      },
    });
    return () => {
      observer.disconnect();
      end();
    };
  }, []);

  const isFine = isFineAt(view?.zoom ?? 0);
  useEffect(() => {
    let isGone = false;
    landFor(latest.current.view?.zoom ?? 0)
      .then((loaded) => isGone || setLand(loaded))
      .catch(() => announce(explain(undefined)));
    return () => {
      isGone = true;
    };
  }, [isFine]);

  useEffect(() => {
    if (!canvas.current || !view || !size) return;
    draw(canvas.current, land, view, size, coloursOf(canvas.current), countryName);
    if (land) canvas.current.dataset.state = "drawn";
  }, [view, size, land, theme.value, language.value]);

  return { chart, canvas, size, view, show: setView };
}
