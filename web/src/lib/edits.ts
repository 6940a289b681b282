// Edits of items and people: requests to the portal, and messages that can undo them.

import { signal } from "@preact/signals";
import { ApiError, api, type Change } from "../api/client";
import { t } from "../i18n";
import { explain } from "../ui/states";
import { announce } from "../ui/toast";
import { me, sessionEnded } from "./session";

/** Counts edits: views of items and people reload when it grows. */
export const edits = signal(0);

/** Whether there is any space whose items the account may edit. */
export function mayEditSomething(): boolean {
  return me.value?.spaces.some((space) => space.rights.includes("manage")) ?? false;
}

/** The response of a request that can be undone. */
interface Undoable {
  readonly undo?: string;
}

/**
 * Runs requests that edit, and shows a message that can undo all of them. `did` takes each response; after a failure the
 * message is the error, and undoes what was done before it. `refused` handles errors that need an answer of the user.
 */
export async function undoable<T>(
  run: (did: <R extends Undoable>(response: R) => R) => Promise<T>,
  done: (result: T) => string,
  refused?: (error: ApiError) => boolean,
): Promise<T | undefined> {
  const undos: string[] = [];
  const say = (text: string) => {
    const action = { label: t("edit.undo"), run: () => void takeBack(undos) };
    announce(text, undos.length > 0 ? action : undefined);
  };
  try {
    const result = await run((response) => {
      if (response.undo !== undefined) undos.push(response.undo);
      return response;
    });
    edits.value++;
    say(done(result));
    return result;
  } catch (error) {
    if (undos.length > 0) edits.value++;
    if (!sessionEnded(error) && !(error instanceof ApiError && refused?.(error))) say(explain(error));
    return undefined;
  }
}

/** Edits items and shows a message. True if it succeeded. */
export async function edit(ids: readonly number[], change: Change): Promise<boolean> {
  const answer = await undoable(
    async (did) => did(await api.edit(ids, change)),
    ({ changed }) => t("edit.done", { count: changed }),
  );
  return answer !== undefined;
}

async function takeBack(undos: readonly string[]): Promise<void> {
  try {
    for (const undo of [...undos].reverse()) await api.undo(undo);
    announce(t("edit.undone"));
  } catch (error) {
    if (!sessionEnded(error)) announce(explain(error));
  }
  edits.value++;
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
