// The elements of one item in the grid.

import type { GridHost } from "./grid";
import { Flag, type GridItem } from "./model";

/** The place of a tile in its section, in CSS pixels. */
export interface TileBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A link with the picture, its marks and the circle that selects. `isRow`: a row of a list, with places for the texts of
 * [`writeRow`] beside the picture.
 */
export function tileElement(
  item: GridItem | undefined,
  position: number,
  { x, y, width, height }: TileBox,
  isRow: boolean,
  host: GridHost,
  arrived: () => void,
): HTMLAnchorElement {
  const link = document.createElement("a");
  link.className = isRow ? "tile is-row" : "tile";
  link.dataset.position = String(position);
  Object.assign(link.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  if (!item) return link;
  link.href = host.href(item);
  const picture = isRow ? span("row-picture") : link;
  if (isRow) {
    const texts = ["row-name", "row-date", "row-pixels", "row-size", "row-state visually-hidden"];
    link.append(picture, ...texts.map(span));
  }
  if ((item.flags & Flag.noThumbnail) === 0) {
    const image = document.createElement("img");
    image.alt = "";
    image.decoding = "async";
    image.draggable = false;
    const end = (state: string) => {
      link.classList.add(state);
      arrived();
    };
    image.onload = () => end("is-loaded");
    image.onerror = () => end("is-missing");
    image.src = host.picture(item, Math.min(width, height) * devicePixelRatio);
    picture.append(image);
  } else {
    link.classList.add("is-missing");
  }
  if (item.isVideo)
    picture.append(badge("video", item.duration === undefined ? "" : host.duration(item.duration)));
  else if (item.flags & Flag.sphere) picture.append(badge("sphere", "360°"));
  else if (item.flags & Flag.moves) picture.append(badge("moves", ""));
  if (item.flags & Flag.favourite) picture.append(badge("favourite", ""));
  link.append(span("tile-check"));
  return link;
}

/** The texts of a row of a list. */
export interface RowTexts {
  readonly name: string;
  readonly date: string;
  readonly pixels: string;
  readonly size: string;
}

export function writeRow(tile: HTMLElement, texts: RowTexts): void {
  for (const [part, text] of Object.entries(texts)) {
    const element = tile.querySelector(`.row-${part}`);
    if (element) element.textContent = text;
  }
}

function span(name: string): HTMLElement {
  const element = document.createElement("span");
  element.className = name;
  return element;
}

function badge(kind: string, text: string): HTMLElement {
  const element = span(`badge badge-${kind}`);
  element.textContent = text;
  return element;
}

/** Keeps tiles in the order of the timeline, for screen readers and the tab key. */
export function insertInOrder(parent: HTMLElement, tile: HTMLElement, position: number): void {
  let before = parent.lastElementChild as HTMLElement | null;
  let next: Element | null = null;
  while (before?.dataset.position !== undefined && Number(before.dataset.position) > position) {
    next = before;
    before = before.previousElementSibling as HTMLElement | null;
  }
  parent.insertBefore(tile, next);
}

/** Removes an element; pictures that are still loading are cancelled. */
export function release(element: HTMLElement): void {
  for (const image of element.querySelectorAll("img")) {
    image.onload = null;
    image.onerror = null;
    if (!image.complete) image.removeAttribute("src");
  }
  element.remove();
}
