// A long list of tiles of equal size, of which only those on the screen are in the document.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Tiling, windowOf } from "./window";

/** It scrolls with the nearest `.page`. */
export function LongList<T>(props: {
  class: string;
  items: readonly T[];
  keyOf: (item: T) => string;
  tiling: Omit<Tiling, "count" | "width">;
  children: (item: T) => ComponentChildren;
}) {
  const { items, keyOf, tiling } = props;
  const list = useRef<HTMLUListElement>(null);
  const [box, setBox] = useState({ width: 0, scrolled: 0, viewport: 0 });
  useLayoutEffect(() => {
    const element = list.current;
    const page = element?.closest(".page");
    if (!element || !page) return;
    let frame = 0;
    const measure = () => {
      frame = 0;
      const scrolled = page.getBoundingClientRect().top - element.getBoundingClientRect().top;
      const now = { width: element.clientWidth, scrolled, viewport: page.clientHeight };
      setBox((old) =>
        old.width === now.width && old.scrolled === now.scrolled && old.viewport === now.viewport ? old : now,
      );
    };
    const request = () => {
      if (frame === 0) frame = requestAnimationFrame(measure);
    };
    measure();
    page.addEventListener("scroll", request, { passive: true });
    const observer = new ResizeObserver(request);
    observer.observe(element);
    observer.observe(page);
    return () => {
      cancelAnimationFrame(frame);
      page.removeEventListener("scroll", request);
      observer.disconnect();
    };
  }, []);
  const shown = windowOf({ ...tiling, count: items.length, width: box.width }, box.scrolled, box.viewport);
  return (
    <ul
      ref={list}
      class={props.class}
      style={{
        height: `${shown.height}px`,
        paddingBlockStart: `${shown.top}px`,
        gridTemplateColumns: `repeat(${shown.columns}, minmax(0, 1fr))`,
        gap: `${tiling.gap}px`,
      }}
    >
      {box.width > 0 &&
        items.slice(shown.from, shown.to).map((item, i) => (
          <li key={keyOf(item)} aria-setsize={items.length} aria-posinset={shown.from + i + 1}>
            {props.children(item)}
          </li>
        ))}
    </ul>
  );
}
