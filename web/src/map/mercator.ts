// The projection of web maps. The world is a square from 0 to 1, with north at 0; at zoom 0 it is 256 pixels wide, and each
// level doubles that. Pure functions.

/** The centre of the screen, and the zoom, which may be a fraction. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

/** South, west, north, east in degrees, as in the API. */
export type Box = readonly [south: number, west: number, north: number, east: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const MIN_ZOOM = 1;
/** Positions of cameras are not better than some metres. */
export const MAX_ZOOM = 18;
/** The latitude where the square ends. */
const END = 85.0511;

export const worldX = (lon: number): number => lon / 360 + 0.5;

export function worldY(lat: number): number {
  const sine = Math.sin((Math.min(END, Math.max(-END, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

export const longitude = (x: number): number => (x - 0.5) * 360;

export const latitude = (y: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Pixels of the whole world. */
export const scaleOf = (zoom: number): number => 256 * 2 ** zoom;

const clamp = (value: number, low: number, high: number) => Math.min(Math.max(low, value), high);

/** The view without leaving the world or the zoom levels. */
export function clamped(view: View): View {
  return { x: clamp(view.x, 0, 1), y: clamp(view.y, 0, 1), zoom: clamp(view.zoom, MIN_ZOOM, MAX_ZOOM) };
}

/** The pixel of a point of the world. */
export function pixelOf(x: number, y: number, view: View, size: Size): readonly [number, number] {
  const scale = scaleOf(view.zoom);
  return [(x - view.x) * scale + size.width / 2, (y - view.y) * scale + size.height / 2];
}

/** Moves the map by pixels: the content follows the finger. */
export function moved(view: View, dx: number, dy: number): View {
  const scale = scaleOf(view.zoom);
  return clamped({ ...view, x: view.x - dx / scale, y: view.y - dy / scale });
}

/** Zooms; the point below the pixel stays there. */
export function zoomed(view: View, zoom: number, at: readonly [number, number], size: Size): View {
  const to = clamp(zoom, MIN_ZOOM, MAX_ZOOM);
  const [dx, dy] = [at[0] - size.width / 2, at[1] - size.height / 2];
  const change = 1 / scaleOf(view.zoom) - 1 / scaleOf(to);
  return clamped({ x: view.x + dx * change, y: view.y + dy * change, zoom: to });
}

/** The view that shows a box, with a margin in pixels. */
export function fitting(box: Box, size: Size, margin: number): View {
  const [south, west, north, east] = box;
  const [left, right] = [worldX(west), worldX(east < west ? east + 360 : east)];
  const [top, bottom] = [worldY(north), worldY(south)];
  const room = (pixels: number) => Math.max(64, pixels - 2 * margin);
  const zoomFor = (pixels: number, length: number) =>
    Math.log2(room(pixels) / (256 * Math.max(length, 1e-9)));
  const zoom = Math.min(zoomFor(size.width, right - left), zoomFor(size.height, bottom - top));
  return clamped({ x: ((left + right) / 2) % 1, y: (top + bottom) / 2, zoom });
}

/** The box of the screen, enlarged by a part of its size on each side. */
export function boxOf(view: View, size: Size, more = 0): Box {
  const scale = scaleOf(view.zoom);
  const [w, h] = [(size.width * (0.5 + more)) / scale, (size.height * (0.5 + more)) / scale];
  return [
    latitude(clamp(view.y + h, 0, 1)),
    longitude(clamp(view.x - w, 0, 1)),
    latitude(clamp(view.y - h, 0, 1)),
    longitude(clamp(view.x + w, 0, 1)),
  ];
}

/** A box as in the API and in the search language: four decimals are ten metres. */
export const boxText = (box: Box): string => box.map((n) => n.toFixed(4)).join(",");

/** The smallest box around boxes. */
export function around(boxes: readonly Box[]): Box | undefined {
  const [first] = boxes;
  if (!first) return undefined;
  return boxes.reduce((a, b) => [
    Math.min(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.max(a[3], b[3]),
  ]);
}

/** A view as part of an address: latitude, longitude, zoom. */
export const viewText = (view: View): string =>
  `${latitude(view.y).toFixed(4)},${longitude(view.x).toFixed(4)},${view.zoom.toFixed(2)}`;

export function viewOf(text: string): View | undefined {
  const [lat, lon, zoom] = text.split(",").map(Number);
  if (lat === undefined || lon === undefined || zoom === undefined) return undefined;
  const view = { x: worldX(lon), y: worldY(lat), zoom };
  return Number.isFinite(view.x + view.y + view.zoom) ? clamped(view) : undefined;
}
