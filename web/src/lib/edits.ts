// Changes of what is known about items: asked of the portal, told in a message that can take them back.

import { signal } from "@preact/signals";
import { api, type Change } from "../api/client";
import { t } from "../i18n";
import { explain } from "../ui/states";
import { announce } from "../ui/toast";
import { me, sessionEnded } from "./session";

/** Counts edits: what shows items reads them anew when it grows. */
export const edits = signal(0);

/** Whether there is any space whose items the account may change. */
export function mayEditSomething(): boolean {
  return me.value?.spaces.some((space) => space.rights.includes("manage")) ?? false;
}

/** Changes items and says so. True if it was done. */
export async function edit(ids: readonly number[], change: Change): Promise<boolean> {
  try {
    const { changed, undo } = await api.edit(ids, change);
    edits.value++;
    const action = undo === undefined ? undefined : { label: t("edit.undo"), run: () => void takeBack(undo) };
    announce(t("edit.done", { count: changed }), action);
    return true;
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
    return false;
  }
}

async function takeBack(undo: string): Promise<void> {
  try {
    await api.undo(undo);
    edits.value++;
    announce(t("edit.undone"));
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
  }
}
