// The clip of a motion photo: a separate file beside a Live Photo, or the end of the photo's file.

import { motion, original } from "../../api/client";
import type { Item } from "../../api/shapes";

/** Whether the portal can serve the clip. */
export function hasClip(item: Item): boolean {
  const { motion: clip } = item;
  if (!clip) return false;
  return clip.pair !== undefined || (clip.video_offset !== undefined && item.rights.includes("download"));
}

/** The `Range` of the clip inside the photo's file. */
export function rangeOf(offset: number, length: number | undefined): string {
  return `bytes=${offset}-${length === undefined ? "" : offset + length - 1}`;
}

/** An address for a video element. `release` frees its memory. */
export async function clipOf(item: Item, signal: AbortSignal): Promise<{ src: string; release: () => void }> {
  const { video_offset, video_length, pair } = item.motion ?? {};
  if (pair !== undefined || video_offset === undefined) return { src: motion(item.id), release: () => {} };
  const headers = { Range: rangeOf(video_offset, video_length) };
  const response = await fetch(original(item.id), { headers, signal });
  if (response.status !== 206) throw new Error(`the clip was answered with ${response.status}`);
  const src = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "video/mp4" }));
  return { src, release: () => URL.revokeObjectURL(src) };
}
