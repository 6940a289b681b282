// Changes of the library while it is open, by server-sent events of the portal.

import { signal } from "@preact/signals";

/** Items that were added, removed or changed since the list was read. */
export const fresh = signal(0);
/** Whether the engine answers: without it nothing is indexed and nothing can be edited. */
export const isEngineRunning = signal(true);

/** What the engine has done since it was started: for administrators, while it works. */
export interface Progress {
  readonly developed: number;
  readonly recognised: number;
  readonly failed: number;
}
export const progress = signal<Progress | undefined>(undefined);
/** Milliseconds without progress after which the engine counts as idle. */
const IDLE = 20_000;

/** Events after which a list may have changed. The account's own edits are shown by their initiator. */
const CHANGES = ["indexed", "moved", "removed"] as const;

/** Follows the events until the returned function is called. The browser reconnects by itself. */
export function followEvents(): () => void {
  const source = new EventSource(new URL("api/v1/events", document.baseURI));
  const changed = () => {
    fresh.value++;
  };
  for (const name of CHANGES) source.addEventListener(name, changed);
  source.addEventListener("missed", changed);
  source.addEventListener("engine", (event) => {
    const { running } = JSON.parse((event as MessageEvent<string>).data) as { running?: boolean };
    isEngineRunning.value = running !== false;
  });
  let idle: ReturnType<typeof setTimeout> | undefined;
  source.addEventListener("progress", (event) => {
    progress.value = (JSON.parse((event as MessageEvent<string>).data) as { progress: Progress }).progress;
    clearTimeout(idle);
    idle = setTimeout(() => {
      progress.value = undefined;
    }, IDLE);
  });
  return () => {
    clearTimeout(idle);
    progress.value = undefined;
    source.close();
    fresh.value = 0;
    isEngineRunning.value = true;
  };
}
