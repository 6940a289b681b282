// Files of items for other programs: saved on the device, or shared with its apps.

import { api, original, saved, thumbnail } from "../api/client";
import type { Item } from "../api/shapes";

/** Maximum number of files that are saved one by one; browsers ask before they save many. */
export const MOST_SAVED = 20;

/** Media types that every browser shows. */
const SHOWN = new Set(["jpeg", "png", "webp", "gif", "avif"]);

export function isShown(item: Item): boolean {
  return item.kind === "photo" && item.format !== undefined && SHOWN.has(item.format);
}

/** Saves the original of an item. */
export function save(id: number): void {
  const link = document.createElement("a");
  link.href = saved(id);
  link.download = "";
  link.dataset.external = "";
  document.body.append(link);
  link.click();
  link.remove();
}

/** Whether the device shares files with other apps. */
export function canShare(): boolean {
  const probe = new File([""], "photo.jpg", { type: "image/jpeg" });
  return typeof navigator.share === "function" && (navigator.canShare?.({ files: [probe] }) ?? false);
}

/** Shares items with an app of the device: originals if allowed, else large pictures. */
export async function share(ids: readonly number[]): Promise<void> {
  const files = await Promise.all(ids.map(async (id) => fileOf(await api.item(id))));
  try {
    await navigator.share({ files });
  } catch (error) {
    // The user closed the list of apps.
    if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
  }
}

async function fileOf(item: Item): Promise<File> {
  const isOriginal = item.rights.includes("download") && (isShown(item) || item.kind === "video");
  const response = await fetch(isOriginal ? original(item.id) : thumbnail(item.id, 0, "xl"));
  if (!response.ok) throw new Error(`the file of item ${item.id} was answered with ${response.status}`);
  const name = isOriginal ? item.name : item.name.replace(/\.[^.]*$/, "").concat(".jpg");
  return new File([await response.blob()], name, {
    type: response.headers.get("Content-Type") ?? "image/jpeg",
  });
}
