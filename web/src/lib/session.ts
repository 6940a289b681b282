// The signed-in account, and the preferences of this browser.

import { batch, effect, signal } from "@preact/signals";
import { ApiError, api } from "../api/client";
import type { Me } from "../api/shapes";
import { use } from "../i18n";
import { isLocked, watch } from "../pages/lock/data";
import { go, route } from "./address";
import { followEvents } from "./events";
import { preferences, readPreferences } from "./preferences";

/** `undefined`: not loaded yet; `null`: no account is signed in. */
export const me = signal<Me | null | undefined>(undefined);
/** Why the account could not be determined. */
export const startError = signal<unknown>(undefined);

export async function start(): Promise<void> {
  startError.value = undefined;
  try {
    await setMe(await api.me());
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) await setMe(null);
    else startError.value = error;
  }
}

/** Stops activities that run while an account is signed in. */
let endWatch: (() => void) | undefined;

/** `isNew`: the password was entered just now. `enter` opens the first page, in the same step. */
async function setMe(value: Me | null, isNew = false, enter?: () => void): Promise<void> {
  endWatch?.();
  endWatch = undefined;
  if (value) {
    await readPreferences();
    isLocked.value = !isNew && preferences.value.lock_minutes !== undefined;
    const ends = [watch(), followEvents()];
    endWatch = () => {
      for (const end of ends) end();
    };
  } else {
    preferences.value = {};
    isLocked.value = false;
  }
  batch(() => {
    me.value = value;
    enter?.();
  });
  const wished = value?.account.language;
  void use(wished ? [wished, ...navigator.languages] : navigator.languages);
}

export async function signIn(
  account: string,
  password: string,
  remember: boolean,
  otp?: string,
): Promise<void> {
  await api.signIn(account, password, remember, otp);
  // The address that was requested before.
  const next = route.value.query.get("next");
  const to = next?.startsWith("/") === false && !next.includes(":") ? next : "photos";
  await setMe(await api.me(), true, () => go(to, { replace: true }));
}

export async function signOut(): Promise<void> {
  endWatch?.();
  endWatch = undefined;
  await api.signOut();
  await setMe(null);
  go("", { replace: true });
}

/** A response was 401: the session has ended. */
export function sessionEnded(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.status !== 401) return false;
  void setMe(null);
  return true;
}

export type Theme = "system" | "light" | "dark";

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    // Storage may be switched off; the preference lasts as long as the page.
    return null;
  }
}

export const theme = signal<Theme>((stored("theme") as Theme | null) ?? "system");

export function followTheme(): void {
  effect(() => {
    const { value } = theme;
    if (value === "system") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.setAttribute("data-theme", value);
    try {
      localStorage.setItem("theme", value);
    } catch {
      // See above.
    }
  });
}
