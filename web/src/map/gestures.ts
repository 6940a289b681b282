// Moves the map: drag, pinch, wheel, double click, keys.

import { moved, type Size, type View, zoomed } from "./mercator";

/** Pixels of a step with an arrow key. */
const STEP = 80;
/** A pointer that moves less than this many pixels is a click. */
const SLOP = 6;

export interface Gestured {
  size(): Size;
  view(): View | undefined;
  move(view: View): void;
}

/** Follows the gestures on an element until the returned function is called. */
export function followGestures(element: HTMLElement, map: Gestured): () => void {
  const pointers = new Map<number, readonly [number, number]>();
  let hasMoved = false;
  const place = (event: MouseEvent): readonly [number, number] => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  /** The middle of the pointers, and the distance of the first two. */
  const grip = () => {
    const all = [...pointers.values()];
    const [a, b = a] = all;
    if (!a || !b) return undefined;
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, apart: Math.hypot(a[0] - b[0], a[1] - b[1]) };
  };
  const zoomBy = (by: number, at?: readonly [number, number]) => {
    const view = map.view();
    const size = map.size();
    if (view) map.move(zoomed(view, view.zoom + by, at ?? [size.width / 2, size.height / 2], size));
  };

  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) hasMoved = false;
    pointers.set(event.pointerId, place(event));
  };
  const onMove = (event: PointerEvent) => {
    if (!pointers.has(event.pointerId)) return;
    const before = grip();
    const start = pointers.get(event.pointerId);
    const to = place(event);
    if (!hasMoved && start && Math.hypot(to[0] - start[0], to[1] - start[1]) < SLOP) return;
    // From here the gesture belongs to the map, even over a picture.
    if (!hasMoved) element.setPointerCapture(event.pointerId);
    hasMoved = true;
    pointers.set(event.pointerId, to);
    const after = grip();
    let view = map.view();
    if (!before || !after || !view) return;
    view = moved(view, after.x - before.x, after.y - before.y);
    if (before.apart > 0 && after.apart > 0 && pointers.size > 1) {
      view = zoomed(view, view.zoom + Math.log2(after.apart / before.apart), [after.x, after.y], map.size());
    }
    map.move(view);
  };
  const onUp = (event: PointerEvent) => pointers.delete(event.pointerId);
  /** A drag that ends over a picture does not open it. */
  const onClick = (event: MouseEvent) => {
    if (!hasMoved) return;
    event.preventDefault();
    event.stopPropagation();
    hasMoved = false;
  };
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const lines = event.deltaMode === 0 ? 1 : 30;
    zoomBy((-event.deltaY * lines) / (event.ctrlKey ? 100 : 300), place(event));
  };
  const onDouble = (event: MouseEvent) => {
    if ((event.target as Element).closest("a, button")) return;
    event.preventDefault();
    zoomBy(event.shiftKey ? -1 : 1, place(event));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const view = map.view();
    const steps: Record<string, readonly [number, number]> = {
      ArrowLeft: [STEP, 0],
      ArrowRight: [-STEP, 0],
      ArrowUp: [0, STEP],
      ArrowDown: [0, -STEP],
    };
    const step = steps[event.key];
    if (step && view) map.move(moved(view, ...step));
    else if (event.key === "+" || event.key === "=") zoomBy(1);
    else if (event.key === "-") zoomBy(-1);
    else return;
    event.preventDefault();
  };

  element.addEventListener("pointerdown", onDown);
  element.addEventListener("pointermove", onMove);
  element.addEventListener("pointerup", onUp);
  element.addEventListener("pointercancel", onUp);
  element.addEventListener("click", onClick, { capture: true });
  element.addEventListener("wheel", onWheel, { passive: false });
  element.addEventListener("dblclick", onDouble);
  element.addEventListener("keydown", onKey);
  return () => {
    element.removeEventListener("pointerdown", onDown);
    element.removeEventListener("pointermove", onMove);
    element.removeEventListener("pointerup", onUp);
    element.removeEventListener("pointercancel", onUp);
    element.removeEventListener("click", onClick, { capture: true });
    element.removeEventListener("wheel", onWheel);
    element.removeEventListener("dblclick", onDouble);
    element.removeEventListener("keydown", onKey);
  };
}
