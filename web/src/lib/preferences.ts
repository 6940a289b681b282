// Preferences of the account, stored by the portal: the same on every device. Preferences of one device are in the
// session.

import { signal } from "@preact/signals";
import { api } from "../api/client";
import { explain } from "../ui/states";
import { announce } from "../ui/toast";

export interface Preferences {
  readonly slideshow_seconds?: number;
  readonly slideshow_shuffle?: boolean;
  /** Minutes without use after which the application asks for the password; 0 at every start, absent never. */
  readonly lock_minutes?: number;
  readonly folder_sort?: string;
  /** Folders and photos as rows with names, dates and sizes; absent as pictures. */
  readonly folder_view?: "list";
}

export const preferences = signal<Preferences>({});

/** Reads them after signing in. Without them the application uses its defaults. */
export async function readPreferences(): Promise<void> {
  try {
    preferences.value = (await api.preferences()) as Preferences;
  } catch (error) {
    announce(explain(error));
  }
}

/** Applies a preference at once, and sends it to the portal. `undefined` removes one. */
export function setPreference<K extends keyof Preferences>(key: K, value: Preferences[K]): void {
  preferences.value = { ...preferences.value, [key]: value };
  void api.setPreferences({ [key]: value ?? null }).catch((error) => announce(explain(error)));
}
