// Shows the part of a picture around a face in a square.

/** The square around a face is this many times as large as the face. */
const AROUND = 1.7;

/**
 * Styles of a picture in a square box with `overflow: hidden`, so that the face fills it. `box` is [x, y, width, height] in
 * fractions of the upright picture; `width` and `height` are the picture's.
 */
export function faceCrop(
  box: readonly [number, number, number, number],
  width: number,
  height: number,
): Record<string, string> {
  const [x, y, w, h] = box;
  const side = Math.min(AROUND * Math.max(w * width, h * height), width, height);
  const clamp = (value: number, max: number) => Math.min(Math.max(0, value), max);
  const left = clamp((x + w / 2) * width - side / 2, width - side);
  const top = clamp((y + h / 2) * height - side / 2, height - side);
  const percent = (value: number) => `${(value / side) * 100}%`;
  return { width: percent(width), height: percent(height), left: percent(-left), top: percent(-top) };
}
