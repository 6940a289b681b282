// What changes in the library while it is looked at: told by the portal as server-sent events.

import { signal } from "@preact/signals";

/** Items that came, went or changed since the list was read. */
export const fresh = signal(0);
/** Whether the engine answers: without it nothing is indexed and nothing can be changed. */
export const isEngineRunning = signal(true);

/** Events after which a list may look otherwise. The account's own edits are shown by what made them. */
const CHANGES = ["indexed", "moved", "removed"] as const;

/** Follows the events until the returned function is called. The browser connects again by itself. */
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
  return () => {
    source.close();
    fresh.value = 0;
    isEngineRunning.value = true;
  };
}
