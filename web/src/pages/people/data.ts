// People without the page: order, names, and the faces of selected photos.

import { peopleApi } from "../../api/people";
import type { Person } from "../../api/shapes";
import { t } from "../../i18n";

/** The name of a person, or words for one without. */
export const nameOf = ({ name }: Pick<Person, "name">) => name ?? t("people.unnamed");

/** People with names first, then by number of items. */
export function ordered(people: readonly Person[]): Person[] {
  const rank = (person: Person) => (person.name === undefined ? 1 : 0);
  return [...people].sort((a, b) => rank(a) - rank(b) || b.items - a.items);
}

/** Without accents and case. */
const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** People with a name that contains the text; all of them for an empty text. */
export function matching(people: readonly Person[], text: string): readonly Person[] {
  const wanted = plain(text.trim());
  if (wanted === "") return people;
  return people.filter(({ name }) => name !== undefined && plain(name).includes(wanted));
}

/** The different names of people. */
export function namesOf(people: readonly Person[]): string[] {
  return [...new Set(people.flatMap(({ name }) => (name === undefined ? [] : [name])))];
}

/** The ids for a merge: the first one with a name keeps it. */
export function mergeOrder(people: readonly Person[], name: string | undefined): string[] {
  const first = people.find((person) => name !== undefined && person.name === name);
  return [...(first ? [first] : []), ...people.filter((person) => person !== first)].map(({ id }) => id);
}

/** Faces in one response. */
const PAGE = 1000;

/** The faces of a person in some items. */
export async function facesIn(
  person: string,
  items: ReadonlySet<number>,
  page: typeof peopleApi.faces = peopleApi.faces,
): Promise<number[]> {
  const found: number[] = [];
  let after: string | undefined;
  do {
    const { faces, next } = await page(person, { limit: PAGE, after });
    found.push(...faces.filter(({ item }) => items.has(item)).map(({ id }) => id));
    after = next;
  } while (after !== undefined);
  return found;
}
