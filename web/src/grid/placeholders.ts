// ThumbHashes below pictures that have not arrived: about 25 bytes per item, decoded to small blurred pictures. Pictures do
// not wait for them, and decoding takes a few milliseconds of a frame at most.

import { OnScreen } from "./on-screen";

/** The ThumbHashes of items, base64, by id. */
export type FetchHashes = (
  ids: readonly number[],
  signal: AbortSignal,
) => Promise<Readonly<Record<string, string>>>;

/** Milliseconds in which a cached picture arrives, without a placeholder. */
const PAUSE = 60;
/** Maximum number of ids that the portal accepts. */
const MOST = 500;
/** Milliseconds of a frame for decoding. */
const BUDGET = 4;

export class Placeholders {
  readonly #hashes: OnScreen<number, string>;
  readonly #queue = new Map<number, string>();
  #waiting: ReadonlyMap<number, HTMLElement> = new Map();
  #frame = 0;

  constructor(fetchHashes: FetchHashes) {
    this.#hashes = new OnScreen(
      async (ids, signal) => {
        const hashes = Object.entries(await fetchHashes(ids, signal));
        return new Map(hashes.map(([id, hash]) => [Number(id), hash]));
      },
      (id, hash) => this.#draw(id, hash),
      { pause: PAUSE, most: MOST },
    );
  }

  /** Tiles on the screen whose pictures have not arrived, by the id of the item. */
  want(waiting: ReadonlyMap<number, HTMLElement>): void {
    this.#waiting = waiting;
    const unknown: number[] = [];
    for (const [id, tile] of waiting) {
      if (tile.querySelector("canvas")) continue;
      const hash = this.#hashes.get(id);
      if (hash === undefined) unknown.push(id);
      else this.#draw(id, hash);
    }
    this.#hashes.want(unknown);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#hashes.stop();
    this.#queue.clear();
  }

  #draw(id: number, hash: string): void {
    this.#queue.set(id, hash);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => void this.#drawSome());
  }

  async #drawSome(): Promise<void> {
    const { thumbHashToRGBA } = await import("thumbhash");
    const end = performance.now() + BUDGET;
    for (const [id, hash] of this.#queue) {
      if (performance.now() > end) break;
      this.#queue.delete(id);
      const tile = this.#waiting.get(id);
      if (!tile?.isConnected || tile.querySelector("canvas")) continue;
      const { w, h, rgba } = thumbHashToRGBA(bytesOf(hash));
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: w, height: h, className: "tile-hash" });
      canvas.getContext("2d")?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
      tile.querySelector("img")?.before(canvas);
    }
    this.#frame = 0;
    if (this.#queue.size > 0) this.#frame = requestAnimationFrame(() => void this.#drawSome());
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
