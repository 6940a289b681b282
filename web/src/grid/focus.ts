// Keyboard focus in the grid: one tile is in the tab order, arrow keys move from there.

import type { TimelineModel } from "./model";

export class GridFocus {
  position = 0;

  constructor(
    private readonly track: HTMLElement,
    private readonly model: TimelineModel,
    private readonly show: (position: number) => void,
  ) {
    track.addEventListener("keydown", this.#onKey);
    track.addEventListener("focusin", this.#onFocus);
  }

  destroy(): void {
    this.track.removeEventListener("keydown", this.#onKey);
    this.track.removeEventListener("focusin", this.#onFocus);
  }

  move(position: number): void {
    this.#element(this.position)?.setAttribute("tabindex", "-1");
    this.position = Math.min(Math.max(0, position), this.model.count - 1);
    const element = this.#element(this.position);
    element?.setAttribute("tabindex", "0");
    element?.focus({ preventScroll: true });
  }

  #element(position: number): HTMLElement | null {
    return this.track.querySelector(`[data-position="${position}"]`);
  }

  readonly #onFocus = (event: FocusEvent) => {
    const position = Number((event.target as HTMLElement).dataset.position);
    if (Number.isNaN(position)) return;
    this.#element(this.position)?.setAttribute("tabindex", "-1");
    this.position = position;
    this.#element(position)?.setAttribute("tabindex", "0");
  };

  readonly #onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const isRightToLeft = getComputedStyle(this.track).direction === "rtl";
    const next = isRightToLeft ? "ArrowLeft" : "ArrowRight";
    const previous = isRightToLeft ? "ArrowRight" : "ArrowLeft";
    const to = (() => {
      switch (event.key) {
        case next:
          return this.position + 1;
        case previous:
          return this.position - 1;
        case "ArrowDown":
          return this.#beside(1);
        case "ArrowUp":
          return this.#beside(-1);
        case "Home":
          return 0;
        case "End":
          return this.model.count - 1;
        default:
          return undefined;
      }
    })();
    if (to === undefined) return;
    event.preventDefault();
    const position = Math.min(Math.max(0, to), this.model.count - 1);
    this.show(position);
    this.move(position);
  };

  /** The horizontally nearest tile of the next or previous row. */
  #beside(step: 1 | -1): number {
    const from = this.#element(this.position)?.getBoundingClientRect();
    if (!from) return this.position + step;
    const x = from.left + from.width / 2;
    let best: { position: number; distance: number } | undefined;
    let rowTop: number | undefined;
    for (let position = this.position + step; ; position += step) {
      const box = this.#element(position)?.getBoundingClientRect();
      if (!box) break;
      if (Math.abs(box.top - from.top) < 2) continue;
      rowTop ??= box.top;
      if (Math.abs(box.top - rowTop) >= 2) break;
      const distance = Math.abs(box.left + box.width / 2 - x);
      if (!best || distance < best.distance) best = { position, distance };
    }
    return best?.position ?? this.position + step;
  }
}
