// Names of countries.

import { language } from "../i18n";

const known = new Map<string, string | undefined>();
let knownIn = "";

/**
 * The name of a country in the user's language; nothing if no country has the code. `code`: two letters, or three digits, as
 * in ISO 3166-1. Names are kept, because a map asks for all of them in each frame.
 */
export function countryName(code: string): string | undefined {
  if (knownIn !== language.value) {
    known.clear();
    knownIn = language.value;
  }
  if (!known.has(code)) {
    const { region } = new Intl.Locale(`und-${code}`);
    const names = new Intl.DisplayNames(knownIn, { type: "region", fallback: "none" });
    known.set(code, region && names.of(region));
  }
  return known.get(code);
}
