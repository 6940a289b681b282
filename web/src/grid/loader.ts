// Loads buckets of the timeline: visible ones first, a few at a time, and none that are no longer needed.

import type { GridColumns, TimelineModel } from "./model";

/** Fetches the items of a bucket. */
export type FetchBucket = (bucket: number, signal: AbortSignal) => Promise<GridColumns>;

const AT_ONCE = 3;
/** Buckets kept in memory: about 60,000 items. */
const KEPT = 200;
/** Milliseconds until a failed bucket is requested again. */
const RETRY = 3000;

export class Loader {
  /** `take` adds the items to the model; false: the timeline has changed since its index was read. */
  onLoaded: (bucket: number, take: () => boolean) => void = (_bucket, take) => void take();
  readonly #running = new Map<number, AbortController>();
  readonly #failed = new Map<number, number>();
  /** Loaded buckets, the most recently used one last. */
  readonly #used = new Set<number>();
  #wanted: readonly number[] = [];
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(
    private readonly model: TimelineModel,
    private readonly fetchBucket: FetchBucket,
    /** The index no longer fits the items. */
    private readonly onStale: () => void,
    private readonly onError: (error: unknown) => void,
    private readonly now: () => number = Date.now,
  ) {}

  /** Buckets missing on the screen, nearest first. Requests for other buckets are cancelled. */
  want(buckets: Iterable<number>): void {
    this.#wanted = [...buckets];
    for (const [bucket, controller] of this.#running) {
      if (!this.#wanted.includes(bucket)) {
        controller.abort();
        this.#running.delete(bucket);
      }
    }
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }

  #start(): void {
    for (const bucket of this.#wanted) {
      if (this.#running.size >= AT_ONCE || this.#stopped) return;
      const isDone = this.model.columns(bucket) !== undefined || this.#running.has(bucket);
      if (isDone || (this.#failed.get(bucket) ?? 0) > this.now()) continue;
      const controller = new AbortController();
      this.#running.set(bucket, controller);
      void this.#load(bucket, controller);
    }
  }

  async #load(bucket: number, controller: AbortController): Promise<void> {
    try {
      const columns = await this.fetchBucket(bucket, controller.signal);
      if (controller.signal.aborted) return;
      this.#running.delete(bucket);
      let fits = true;
      this.onLoaded(bucket, () => {
        fits = this.model.setColumns(bucket, columns);
        return fits;
      });
      if (fits) this.#remember(bucket);
      else this.onStale();
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#running.delete(bucket);
      this.#failed.set(bucket, this.now() + RETRY);
      this.onError(error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#start(), RETRY + 10);
    }
    this.#start();
  }

  #remember(bucket: number): void {
    this.#failed.delete(bucket);
    this.#used.delete(bucket);
    this.#used.add(bucket);
    for (const old of this.#used) {
      if (this.#used.size <= KEPT) break;
      this.#used.delete(old);
      this.model.dropColumns(old);
    }
  }
}
