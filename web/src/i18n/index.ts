// Texts in the user's language. One catalogue file per language; English is in the first load, others are loaded on
// demand.

import { signal } from "@preact/signals";
import en from "./en.json";

export type Key = keyof typeof en;
type Text = string | Partial<Record<Intl.LDMLPluralRule, string>>;
export type Catalogue = Partial<Record<Key, Text>>;

const others: Record<string, () => Promise<{ default: Catalogue }>> = {
  de: () => import("./de.json"),
};

/** Languages with a catalogue, each by its own name. */
export const languages: readonly (readonly [tag: string, name: string])[] = [
  ["en", "English"],
  ["de", "Deutsch"],
];

const rightToLeft = new Set(["ar", "fa", "he", "ur"]);

/** The language of the texts, as a BCP 47 tag. */
export const language = signal("en");
const catalogue = signal<Catalogue>(en);

/** The first of the preferred languages with a catalogue; regions are ignored. */
export function choose(wishes: readonly string[], offered: readonly string[]): string {
  for (const wish of wishes) {
    const plain = wish.toLowerCase().split("-")[0] ?? "";
    if (offered.includes(plain)) return plain;
  }
  return "en";
}

/** Switches texts to the best of the preferred languages. */
export async function use(wishes: readonly string[]): Promise<void> {
  const chosen = choose(wishes, ["en", ...Object.keys(others)]);
  const loaded = await others[chosen]?.();
  catalogue.value = loaded?.default ?? en;
  // Dates and numbers use the user's region, if it belongs to that language.
  language.value = wishes.find((w) => w.toLowerCase().startsWith(chosen)) ?? chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = rightToLeft.has(chosen) ? "rtl" : "ltr";
}

/** Inserts values for `{name}` placeholders, and chooses the plural form by `count`. */
export function format(text: Text, values: Record<string, string | number>, lang: string): string {
  const count = values.count;
  const pattern =
    typeof text === "string"
      ? text
      : (text[new Intl.PluralRules(lang).select(Number(count ?? 0))] ??
        text.other ??
        Object.values(text)[0] ??
        "");
  return pattern.replaceAll(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? new Intl.NumberFormat(lang).format(value) : value;
  });
}

/** A text in the user's language; English if the catalogue lacks it. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return format(catalogue.value[key] ?? en[key], values, language.value);
}
