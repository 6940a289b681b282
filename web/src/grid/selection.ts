// The selected items of a list. Ranges may include items that are not loaded: their ids are fetched.

import { computed, signal } from "@preact/signals";
import type { FetchBucket } from "./loader";
import type { TimelineModel } from "./model";

/** Maximum number of selected items, because actions list each of them. */
export const MOST = 10_000;

export class Selection {
  readonly #ids = signal<ReadonlySet<number>>(new Set());
  readonly count = computed(() => this.#ids.value.size);
  /** The start of the next range. */
  #anchor: number | undefined;
  /** The selection at the start of the drag. */
  #before: ReadonlySet<number> | undefined;

  get ids(): ReadonlySet<number> {
    return this.#ids.value;
  }

  /** Without subscribing to changes. */
  has(id: number): boolean {
    return this.#ids.peek().has(id);
  }

  clear(): void {
    this.#ids.value = new Set();
    this.#anchor = undefined;
    this.#before = undefined;
  }

  toggle(position: number, id: number): void {
    const ids = new Set(this.#ids.peek());
    if (!ids.delete(id)) ids.add(id);
    this.#ids.value = ids;
    this.#anchor = position;
    this.#before = undefined;
  }

  /** The positions from the last selected item to this one: first, and last plus one. */
  rangeTo(position: number): readonly [from: number, to: number] {
    const anchor = this.#anchor ?? position;
    this.#anchor = position;
    return [Math.min(anchor, position), Math.max(anchor, position) + 1];
  }

  add(ids: Iterable<number>): void {
    this.#ids.value = new Set([...this.#ids.peek(), ...ids].slice(0, MOST));
  }

  remove(ids: Iterable<number>): void {
    const left = new Set(this.#ids.peek());
    for (const id of ids) left.delete(id);
    this.#ids.value = left;
  }

  /** During a drag the range replaces the previous one. */
  drag(ids: readonly number[]): void {
    this.#before ??= this.#ids.peek();
    this.#ids.value = new Set([...this.#before, ...ids].slice(0, MOST));
  }
}

/** Ids of the items between two positions; those that are not loaded are fetched. */
export async function idsBetween(
  model: TimelineModel,
  fetchBucket: FetchBucket,
  from: number,
  to: number,
  signal: AbortSignal = new AbortController().signal,
): Promise<number[]> {
  const ids: number[] = [];
  for (const [b, bucket] of model.buckets.entries()) {
    const end = bucket.first + bucket.count;
    if (end <= from || bucket.first >= to) continue;
    const columns = model.columns(b) ?? (await fetchBucket(b, signal));
    ids.push(
      ...columns.ids.slice(Math.max(0, from - bucket.first), Math.min(bucket.count, to - bucket.first)),
    );
    if (ids.length >= MOST) break;
  }
  return ids.slice(0, MOST);
}
