// Suggestions of the search box: the text that they replace, and their targets.

import type { Suggestion } from "../../api/shapes";
import { href } from "../../lib/address";

/** The word that is being typed. */
export function lastWord(text: string): string {
  return text.trimEnd().split(/\s+/).pop() ?? "";
}

/** Folders and albums have pages; others become a condition that replaces the typed word. */
export function destinationOf(suggestion: Suggestion, text: string, space: string | undefined): string {
  if (suggestion.kind === "folder" && suggestion.space !== undefined) {
    const path = (suggestion.path ?? "").split("/").filter((part) => part !== "");
    return href(["folders", suggestion.space, ...path]);
  }
  if (suggestion.kind === "album" && suggestion.id !== undefined) return href(["albums", suggestion.id]);
  if (suggestion.query === undefined && suggestion.person !== undefined) {
    return href(["people", suggestion.person]);
  }
  const before = text.trimEnd().split(/\s+/).slice(0, -1);
  return href(["photos"], { space, q: [...before, suggestion.query ?? suggestion.name].join(" ") });
}
