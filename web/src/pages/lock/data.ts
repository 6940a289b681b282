// When the application is locked: at its start and after a time without use, where the account wants that. The lock is
// of this tab; the pictures behind it are not in the page while it holds.

import { effect, signal } from "@preact/signals";
import { preferences } from "../../lib/preferences";

export const isLocked = signal(false);

/** Whether so much time has passed without use that the application locks. */
export function isDue(lastUse: number, now: number, minutes: number | undefined): boolean {
  // A clock that was set back does not keep it open.
  return minutes !== undefined && (now - lastUse >= minutes * 60_000 || now < lastUse);
}

export function lockNow(): void {
  isLocked.value = true;
}

const USES = ["pointerdown", "keydown", "wheel", "touchstart"] as const;
/** Milliseconds between two looks at the clock. */
const CHECK = 5000;

/** Watches use, from the moment that the preferences are known. Returns what ends it. */
export function watch(): () => void {
  let lastUse = Date.now();
  const used = () => {
    lastUse = Date.now();
  };
  const check = () => {
    if (isDue(lastUse, Date.now(), preferences.peek().lock_minutes)) isLocked.value = true;
  };
  for (const use of USES) document.addEventListener(use, used, { passive: true, capture: true });
  // A tab in the background has slow timers: the clock is looked at when it comes back, before a use counts.
  document.addEventListener("visibilitychange", check);
  const timer = setInterval(check, CHECK);
  const stop = effect(() => {
    if (!isLocked.value) lastUse = Date.now();
  });
  return () => {
    stop();
    clearInterval(timer);
    document.removeEventListener("visibilitychange", check);
    for (const use of USES) document.removeEventListener(use, used, { capture: true });
  };
}
