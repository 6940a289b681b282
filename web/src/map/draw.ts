// Draws land, borders, meridians and the names of countries on a canvas.

import type { Country, Land, Line } from "./decode";
import { latitude, longitude, pixelOf, type Size, scaleOf, type View, worldX, worldY } from "./mercator";

/** The colours of the map, from the design tokens. */
export interface Colours {
  readonly sea: string;
  readonly land: string;
  readonly coast: string;
  readonly border: string;
  readonly grid: string;
  readonly name: string;
  readonly font: string;
}

/** Points closer than this many pixels to the previous one are left out. */
const STEP = 0.8;
/** Part of a country's width that its name may take. */
const NAME_PART = 0.9;

export function draw(
  canvas: HTMLCanvasElement,
  land: Land | undefined,
  view: View,
  size: Size,
  colours: Colours,
  nameOf: (code: string) => string | undefined,
): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = window.devicePixelRatio;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = colours.sea;
  context.fillRect(0, 0, size.width, size.height);
  if (!land) return;
  context.lineJoin = "round";
  context.beginPath();
  for (const ring of land.rings) trace(context, ring, view, size, true);
  context.fillStyle = colours.land;
  context.fill("evenodd");
  context.strokeStyle = colours.coast;
  context.lineWidth = 1;
  context.stroke();
  context.beginPath();
  for (const border of land.borders) trace(context, border, view, size, false);
  context.strokeStyle = colours.border;
  context.stroke();
  drawGrid(context, view, size, colours);
  drawNames(context, land.countries, view, size, colours, nameOf);
}

/** The side of the screen on which a point is; 0 on the screen, with a margin for the width of lines. */
function side(x: number, y: number, size: Size): number {
  return (x < -4 ? 1 : x > size.width + 4 ? 2 : 0) | (y < -4 ? 4 : y > size.height + 4 ? 8 : 0);
}

/** Adds a line to the path. Runs of points beyond the same edge of the screen become one. */
function trace(
  context: CanvasRenderingContext2D,
  line: Line,
  view: View,
  size: Size,
  isClosed: boolean,
): void {
  const scale = scaleOf(view.zoom);
  const [dx, dy] = [size.width / 2 - view.x * scale, size.height / 2 - view.y * scale];
  if (line.right * scale + dx < -4 || line.left * scale + dx > size.width + 4) return;
  if (line.bottom * scale + dy < -4 || line.top * scale + dy > size.height + 4) return;
  const { points } = line;
  let [lastX, lastY, lastSide] = [Number.NaN, Number.NaN, 0];
  // A point beyond an edge is drawn only if the line leaves that edge after it.
  let waiting = false;
  let [waitX, waitY] = [0, 0];
  for (let i = 0; i < points.length; i += 2) {
    const x = (points[i] ?? 0) * scale + dx;
    const y = (points[i + 1] ?? 0) * scale + dy;
    const isLast = i + 2 === points.length;
    const now = side(x, y, size);
    if (i > 0 && (now & lastSide) !== 0 && !isLast) {
      waiting = true;
      [waitX, waitY, lastSide] = [x, y, now & lastSide];
      continue;
    }
    if (waiting) {
      context.lineTo(waitX, waitY);
      [lastX, lastY, waiting] = [waitX, waitY, false];
    }
    if (i === 0) context.moveTo(x, y);
    else if (!isLast && Math.abs(x - lastX) < STEP && Math.abs(y - lastY) < STEP) continue;
    else context.lineTo(x, y);
    [lastX, lastY, lastSide] = [x, y, now];
  }
  if (isClosed) context.closePath();
}

/** Distances of meridians in degrees. */
const GRIDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** The smallest distance that is at least 140 pixels on the screen. */
function gridStep(zoom: number): number {
  const pixels = scaleOf(zoom) / 360;
  return GRIDS.find((step) => step * pixels > 140) ?? 30;
}

function drawGrid(context: CanvasRenderingContext2D, view: View, size: Size, colours: Colours): void {
  const step = gridStep(view.zoom);
  const scale = scaleOf(view.zoom);
  const west = longitude(view.x - size.width / 2 / scale);
  const east = longitude(view.x + size.width / 2 / scale);
  const north = latitude(Math.max(0, view.y - size.height / 2 / scale));
  const south = latitude(Math.min(1, view.y + size.height / 2 / scale));
  context.beginPath();
  for (let n = Math.ceil(Math.max(-180, west) / step); n * step <= Math.min(180, east); n++) {
    const [x] = pixelOf(worldX(n * step), 0, view, size);
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, size.height);
  }
  for (let n = Math.ceil(south / step); n * step <= north; n++) {
    const [, y] = pixelOf(0, worldY(n * step), view, size);
    context.moveTo(0, Math.round(y) + 0.5);
    context.lineTo(size.width, Math.round(y) + 0.5);
  }
  context.strokeStyle = colours.grid;
  context.stroke();
}

function drawNames(
  context: CanvasRenderingContext2D,
  countries: readonly Country[],
  view: View,
  size: Size,
  colours: Colours,
  nameOf: (code: string) => string | undefined,
): void {
  context.font = `500 13px ${colours.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineWidth = 3;
  context.strokeStyle = colours.land;
  context.fillStyle = colours.name;
  const degree = scaleOf(view.zoom) / 360;
  const taken: (readonly [number, number, number])[] = [];
  for (const { code, x, y, extent } of countries) {
    const [px, py] = pixelOf(x, y, view, size);
    if (px < 0 || px > size.width || py < 0 || py > size.height) continue;
    const name = nameOf(code);
    if (name === undefined) continue;
    const half = context.measureText(name).width / 2;
    if (2 * half > NAME_PART * extent * degree) continue;
    if (taken.some(([tx, ty, th]) => Math.abs(ty - py) < 18 && Math.abs(tx - px) < th + half + 8)) continue;
    taken.push([px, py, half]);
    context.strokeText(name, px, py);
    context.fillText(name, px, py);
  }
}

/** The colours of the design at an element. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    sea: colour("--map-sea"),
    land: colour("--map-land"),
    coast: colour("--map-coast"),
    border: colour("--map-border"),
    grid: colour("--map-grid"),
    name: colour("--ink-soft"),
    font: style.fontFamily,
  };
}
