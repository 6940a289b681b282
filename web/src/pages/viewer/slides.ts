// The pictures of an item for PhotoSwipe: the large picture first, all pixels once zoomed in.

import { original, thumbnail } from "../../api/client";
import type { Item } from "../../api/shapes";
import type { GridItem } from "../../grid/model";
import { isShown } from "../../lib/files";

/** Short edge of the first picture, in pixels. */
export const XL = 1280;

export interface Slide {
  src?: string;
  html?: string;
  width: number;
  height: number;
  msrc?: string;
  itemId?: number;
  alt?: string;
  /** Width of the original, once loaded. */
  fullWidth?: number;
}

export function slideOf(item: GridItem): Slide {
  const [width, height] = item.aspect >= 1 ? [XL * item.aspect, XL] : [XL, XL / item.aspect];
  const size = { width: Math.round(width), height: Math.round(height), itemId: item.id };
  if (item.isVideo) {
    const poster = thumbnail(item.id, item.key, "xl");
    return {
      ...size,
      html: `<video class="viewer-video" controls playsinline preload="metadata" poster="${poster}" src="${original(item.id)}"></video>`,
    };
  }
  return {
    ...size,
    src: thumbnail(item.id, item.key, "xl"),
    msrc: thumbnail(item.id, item.key, "sm"),
    alt: "",
  };
}

/** An item opened by its address, before the surrounding list is loaded. */
export function gridItemOf(item: Item): GridItem {
  const aspect = (item.display_width ?? 1) / Math.max(1, item.display_height ?? 1);
  return { id: item.id, aspect, isVideo: item.kind === "video", flags: 0, key: 0 };
}

/** Address of the picture with all pixels: the original if browsers show it, else the preview, if there is one. */
export function fullPicture(item: Item): string | undefined {
  if (item.kind === "video") return undefined;
  if (isShown(item) && item.rights.includes("download")) return original(item.id);
  const preview = item.derivatives?.find((d) => d.name === "preview");
  return preview && thumbnail(item.id, 0, "preview");
}

/** Maximum zoom of a slide: two screen pixels for each of the original, and at least a factor of four. */
export function maxZoom(slide: Pick<Slide, "width" | "fullWidth">, fit: number): number {
  return Math.max(4 * fit, (2 * (slide.fullWidth ?? slide.width)) / slide.width);
}
