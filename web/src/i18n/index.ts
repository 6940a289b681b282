// Texts in the user's language. One catalogue file a language; English is in the first load, others come when needed.

import { signal } from "@preact/signals";
import en from "./en.json";

export type Key = keyof typeof en;
type Text = string | Partial<Record<Intl.LDMLPluralRule, string>>;
export type Catalogue = Partial<Record<Key, Text>>;

const others: Record<string, () => Promise<{ default: Catalogue }>> = {
  de: () => import("./de.json"),
};

/** Languages that there is a catalogue for, each by its own name. */
export const languages: readonly (readonly [tag: string, name: string])[] = [
  ["en", "English"],
  ["de", "Deutsch"],
];

const rightToLeft = new Set(["ar", "fa", "he", "ur"]);

/** The language that texts are in, as a BCP 47 tag. */
export const language = signal("en");
const catalogue = signal<Catalogue>(en);

/** The first language of a list of wishes that there is a catalogue for; regions do not matter. */
export function choose(wishes: readonly string[], offered: readonly string[]): string {
  for (const wish of wishes) {
    const plain = wish.toLowerCase().split("-")[0] ?? "";
    if (offered.includes(plain)) return plain;
  }
  return "en";
}

/** Switches texts to the best of the languages wished for. */
export async function use(wishes: readonly string[]): Promise<void> {
  const chosen = choose(wishes, ["en", ...Object.keys(others)]);
  const loaded = await others[chosen]?.();
  catalogue.value = loaded?.default ?? en;
  // Dates and numbers follow the region that the user asked for, if it is of that language.
  language.value = wishes.find((w) => w.toLowerCase().startsWith(chosen)) ?? chosen;
  document.documentElement.lang = chosen;
  document.documentElement.dir = rightToLeft.has(chosen) ? "rtl" : "ltr";
}

/** Puts values into `{name}` places, and chooses the plural form by `count`. */
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

/** A text in the user's language; English where the catalogue lacks it. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return format(catalogue.value[key] ?? en[key], values, language.value);
}
