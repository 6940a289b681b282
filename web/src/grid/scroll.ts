// Mapped scrolling. Browsers limit elements to about 16.7 million pixels, and a million pictures are taller than
// that. The scrolled element (the track) is at most MAX_TRACK tall. For small scroll steps, a pixel of the track is a
// pixel of the content; a long jump (the scroll bar, a key) maps the whole track onto the whole content. Lengths are
// CSS pixels.

/** Maximum height of the scrolled element: far below the limits of all browsers, even with a device ratio of 3. */
export const MAX_TRACK = 4_000_000;

export interface Mapping {
  /** Height of the content. */
  readonly content: number;
  /** Height of the viewport. */
  readonly viewport: number;
}

/** The positions of the content and of the track. `base` = scrollTop - top: elements are at content offset + base. */
export interface Position {
  readonly top: number;
  readonly scrollTop: number;
}

/** Height of the scrolled element. */
export function trackHeight(m: Mapping): number {
  return Math.min(Math.max(m.content, m.viewport), MAX_TRACK);
}

const contentRange = (m: Mapping) => Math.max(0, m.content - m.viewport);
const trackRange = (m: Mapping) => Math.max(0, trackHeight(m) - m.viewport);
const clamp = (value: number, max: number) => Math.min(Math.max(0, value), max);

/** Whether the track is shorter than the content. */
export function isMapped(m: Mapping): boolean {
  return m.content > MAX_TRACK;
}

/** The track offset of a content offset. */
export function trackOf(top: number, m: Mapping): number {
  const range = contentRange(m);
  if (range === 0) return 0;
  return isMapped(m) ? (clamp(top, range) / range) * trackRange(m) : clamp(top, range);
}

/** The content offset of a track offset. */
export function contentOf(scrollTop: number, m: Mapping): number {
  const range = trackRange(m);
  if (range === 0) return 0;
  return isMapped(m) ? (clamp(scrollTop, range) / range) * contentRange(m) : clamp(scrollTop, range);
}

/** The position for a content offset. */
export function at(top: number, m: Mapping): Position {
  const clamped = clamp(top, contentRange(m));
  return { top: clamped, scrollTop: trackOf(clamped, m) };
}

/** A scroll event moved the track: a small step moves the content by the same distance, a jump maps. */
export function scrolled(before: Position, scrollTop: number, m: Mapping): Position {
  const range = trackRange(m);
  const step = scrollTop - before.scrollTop;
  const isJump = Math.abs(step) > 4 * m.viewport;
  // The ends of the track are the ends of the content, independent of the kind of movement.
  if (isJump || scrollTop <= 0 || scrollTop >= range) return { top: contentOf(scrollTop, m), scrollTop };
  return { top: clamp(before.top + step, contentRange(m)), scrollTop };
}

/**
 * The distance of the track from its mapped position: many small steps, or pictures above whose height differed from
 * the estimate, move it away. It is recentred when scrolling pauses, and at once when [`isNearFalseEnd`].
 */
export function drift(position: Position, m: Mapping): number {
  return Math.abs(position.scrollTop - trackOf(position.top, m));
}

/** Whether the track must be recentred now: less than two viewports are left of the track but not of the content. */
export function isNearFalseEnd(position: Position, m: Mapping): boolean {
  const margin = 2 * m.viewport;
  const below = trackRange(m) - position.scrollTop;
  return (
    (position.scrollTop < margin && position.top > 2 * margin) ||
    (below < margin && contentRange(m) - position.top > 2 * margin)
  );
}
