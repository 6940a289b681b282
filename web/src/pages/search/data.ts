// Suggestions of the search box: what they replace, and where they lead.

import type { Suggestion } from "../../api/shapes";
import { href } from "../../lib/address";

/** The word that is being typed. */
export function lastWord(text: string): string {
  return text.trimEnd().split(/\s+/).pop() ?? "";
}

/** Folders and albums have pages; anything else becomes a condition in the place of the word that was typed. */
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
