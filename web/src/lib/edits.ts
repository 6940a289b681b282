// Edits of items: requests to the portal, and messages that can undo them.

import { signal } from "@preact/signals";
import { api, type Change } from "../api/client";
import { t } from "../i18n";
import { explain } from "../ui/states";
import { announce } from "../ui/toast";
import { me, sessionEnded } from "./session";

/** Counts edits: views of items reload when it grows. */
export const edits = signal(0);

/** Whether there is any space whose items the account may edit. */
export function mayEditSomething(): boolean {
  return me.value?.spaces.some((space) => space.rights.includes("manage")) ?? false;
}

/** Maximum number of items per request. */
const MOST = 1000;

/** Edits items and shows a message. True if it succeeded. */
export async function edit(ids: readonly number[], change: Change): Promise<boolean> {
  const undos: string[] = [];
  let count = 0;
  try {
    for (let at = 0; at < ids.length; at += MOST) {
      const { changed, undo } = await api.edit(ids.slice(at, at + MOST), change);
      count += changed;
      if (undo !== undefined) undos.push(undo);
    }
    edits.value++;
    const action = { label: t("edit.undo"), run: () => void takeBack(undos) };
    announce(t("edit.done", { count }), undos.length > 0 ? action : undefined);
    return true;
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
    return false;
  }
}

async function takeBack(undos: readonly string[]): Promise<void> {
  try {
    for (const undo of [...undos].reverse()) await api.undo(undo);
    edits.value++;
    announce(t("edit.undone"));
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
  }
}

/** Runs a request that edits; shows failures. True if it succeeded. */
export async function attempt(run: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await run();
    edits.value++;
    if (done !== undefined) announce(done);
    return true;
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
    return false;
  }
}
