// Values for what is on the screen, such as placeholders: requested together, one request at a time, and cancelled when
// none of them is needed any more.

/** Requests values; keys without a value are absent from the response. */
export type FetchValues<K, V> = (keys: readonly K[], signal: AbortSignal) => Promise<ReadonlyMap<K, V>>;

export interface OnScreenOptions {
  /** Milliseconds between the first wish and the request. */
  readonly pause: number;
  /** Maximum number of keys of a request. */
  readonly most: number;
}

/** Number of values kept in memory. */
const KEPT = 5000;

export class OnScreen<K, V> {
  readonly #known = new Map<K, V | undefined>();
  #wanted: readonly K[] = [];
  #running: { readonly keys: ReadonlySet<K>; readonly controller: AbortController } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly fetchValues: FetchValues<K, V>,
    private readonly show: (key: K, value: V) => void,
    private readonly options: OnScreenOptions,
  ) {}

  get(key: K): V | undefined {
    return this.#known.get(key);
  }

  /** The keys whose values are needed now. A request that has none of them is cancelled. */
  want(keys: Iterable<K>): void {
    this.#wanted = [...keys].filter((key) => !this.#known.has(key));
    const running = this.#running;
    if (running && !this.#wanted.some((key) => running.keys.has(key))) {
      running.controller.abort();
      this.#running = undefined;
    }
    if (this.#wanted.length === 0 || this.#running || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, this.options.pause);
  }

  stop(): void {
    this.#wanted = [];
    clearTimeout(this.#timer);
    this.#running?.controller.abort();
  }

  #start(): void {
    const keys = this.#wanted.filter((key) => !this.#known.has(key)).slice(0, this.options.most);
    if (keys.length === 0 || this.#running) return;
    const running = { keys: new Set(keys), controller: new AbortController() };
    this.#running = running;
    void this.#load(keys, running.controller);
  }

  async #load(keys: readonly K[], controller: AbortController): Promise<void> {
    // A list without these values is complete: a failure is not shown, and not repeated.
    const none = new Map<K, V>();
    const values = await this.fetchValues(keys, controller.signal).catch(() => none as ReadonlyMap<K, V>);
    if (controller.signal.aborted) return;
    this.#running = undefined;
    for (const key of keys) {
      const value = values.get(key);
      this.#known.set(key, value);
      if (value !== undefined) this.show(key, value);
    }
    for (const old of this.#known.keys()) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(old);
    }
    this.#start();
  }
}
