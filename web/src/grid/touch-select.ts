// Selection by touch: a long press selects an item, and dragging from there extends the selection.

import type { GridSelection } from "./grid";
import type { GridItem } from "./model";

/** Milliseconds of a long press. */
const PRESS = 420;
/** A finger that moves further than this many CSS pixels scrolls. */
const SLOP = 10;

export class TouchSelect {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #start: { x: number; y: number; position: number } | undefined;
  #isDragging = false;
  #ended = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly track: HTMLElement,
    private readonly selection: GridSelection,
    private readonly item: (position: number) => GridItem | undefined,
  ) {
    track.addEventListener("touchstart", this.#onStart, { passive: true });
    track.addEventListener("touchmove", this.#onMove, { passive: false });
    track.addEventListener("touchend", this.#onEnd);
    track.addEventListener("touchcancel", this.#onEnd);
    track.addEventListener("contextmenu", this.#onMenu);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.track.removeEventListener("touchstart", this.#onStart);
    this.track.removeEventListener("touchmove", this.#onMove);
    this.track.removeEventListener("touchend", this.#onEnd);
    this.track.removeEventListener("touchcancel", this.#onEnd);
    this.track.removeEventListener("contextmenu", this.#onMenu);
  }

  /** Whether the following click belongs to a long press. */
  hasEndedJustNow(): boolean {
    return performance.now() - this.#ended < 300;
  }

  readonly #onStart = (event: TouchEvent) => {
    clearTimeout(this.#timer);
    // The following click belongs to this touch.
    this.#ended = Number.NEGATIVE_INFINITY;
    const touch = event.touches[0];
    const position = positionAt(event.target as Element);
    if (!touch || event.touches.length > 1 || position === undefined) return;
    this.#start = { x: touch.clientX, y: touch.clientY, position };
    this.#timer = setTimeout(() => {
      const item = this.item(position);
      if (!item) return;
      this.#isDragging = true;
      if (!this.selection.has(item.id)) this.selection.toggle(position, item, false);
    }, PRESS);
  };

  readonly #onMove = (event: TouchEvent) => {
    const touch = event.touches[0];
    const start = this.#start;
    if (!touch || !start) return;
    if (!this.#isDragging) {
      if (Math.hypot(touch.clientX - start.x, touch.clientY - start.y) > SLOP) clearTimeout(this.#timer);
      return;
    }
    event.preventDefault();
    const position = positionAt(document.elementFromPoint(touch.clientX, touch.clientY));
    if (position !== undefined) this.selection.drag(start.position, position);
  };

  readonly #onEnd = (event: TouchEvent) => {
    clearTimeout(this.#timer);
    if (this.#isDragging) {
      this.#ended = performance.now();
      if (event.cancelable) event.preventDefault();
    }
    this.#isDragging = false;
    this.#start = undefined;
  };

  /** A long press on a link opens the browser's menu, except during a selection. */
  readonly #onMenu = (event: Event) => {
    if (this.#start) event.preventDefault();
  };
}

function positionAt(element: Element | null): number | undefined {
  const position = Number(element?.closest<HTMLElement>(".tile")?.dataset.position ?? Number.NaN);
  return Number.isNaN(position) ? undefined : position;
}
