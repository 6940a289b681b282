// The lock of the application: at its start and after a time without use, if the account has enabled it. The lock
// belongs to this tab; the pictures behind it are not in the page while it is locked.

import { effect, signal } from "@preact/signals";
import { preferences } from "../../lib/preferences";

export const isLocked = signal(false);

/** Whether the application locks after this time without use. */
export function isDue(lastUse: number, now: number, minutes: number | undefined): boolean {
  // A clock that was set back does not keep it open.
  return minutes !== undefined && (now - lastUse >= minutes * 60_000 || now < lastUse);
}

export function lockNow(): void {
  isLocked.value = true;
}

const USES = ["pointerdown", "keydown", "wheel", "touchstart"] as const;
/** Milliseconds between two checks of the clock. */
const CHECK = 5000;

/** Monitors use, once the preferences are loaded. Returns the function that stops it. */
export function watch(): () => void {
  let lastUse = Date.now();
  const used = () => {
    lastUse = Date.now();
  };
  const check = () => {
    if (isDue(lastUse, Date.now(), preferences.peek().lock_minutes)) isLocked.value = true;
  };
  for (const use of USES) document.addEventListener(use, used, { passive: true, capture: true });
  // A tab in the background has slow timers: the clock is checked when it becomes visible, before use counts.
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
