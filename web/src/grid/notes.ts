// Notes beside the headings of a list, such as the places of a day: requested when scrolling pauses, for headings on the
// screen, a few at a time.

import type { Section } from "./model";

/** The note of a section; empty if there is none. */
export type Describe = (section: Section, signal: AbortSignal) => Promise<string>;

const AT_ONCE = 2;
/** Milliseconds on the screen before a note is requested. */
const PAUSE = 200;

export class Notes {
  readonly #known = new Map<Section, string>();
  readonly #running = new Map<Section, AbortController>();
  #wanted: readonly Section[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly describe: Describe,
    private readonly show: (section: Section, note: string) => void,
  ) {}

  get(section: Section): string | undefined {
    return this.#known.get(section);
  }

  /** The sections on the screen. Requests for others are cancelled. */
  want(sections: readonly Section[]): void {
    this.#wanted = sections;
    for (const [section, controller] of this.#running) {
      if (sections.includes(section)) continue;
      controller.abort();
      this.#running.delete(section);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#start(), PAUSE);
  }

  stop(): void {
    this.#wanted = [];
    clearTimeout(this.#timer);
    for (const controller of this.#running.values()) controller.abort();
  }

  #start(): void {
    for (const section of this.#wanted) {
      if (this.#running.size >= AT_ONCE) return;
      if (this.#known.has(section) || this.#running.has(section)) continue;
      const controller = new AbortController();
      this.#running.set(section, controller);
      void this.#load(section, controller);
    }
  }

  async #load(section: Section, controller: AbortController): Promise<void> {
    // A list without notes is complete: a failure is not shown, and not repeated.
    const note = await this.describe(section, controller.signal).catch(() => "");
    if (controller.signal.aborted) return;
    this.#running.delete(section);
    this.#known.set(section, note);
    if (note !== "") this.show(section, note);
    this.#start();
  }
}
