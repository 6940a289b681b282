// The search language (docs/search.md) as the application writes and reads it: terms separated by blanks.

/** One condition of a search, as written. */
export interface Term {
  /** `camera`, `rating`, ...; absent for a plain word. */
  readonly field?: string;
  readonly value: string;
  readonly isDenied: boolean;
}

/** A value, quoted if it has blanks or special characters of the language. */
export function quoted(value: string): string {
  return /^[\p{L}\p{N}_./|-]+$/u.test(value) && !value.startsWith("-")
    ? value
    : `"${value.replaceAll('"', "")}"`;
}

export function written(term: Term): string {
  const value = term.field === undefined ? term.value : `${term.field}:${term.value}`;
  return term.isDenied ? `-${value}` : value;
}

/** The terms of a search. Values keep their quotes, so that writing them again gives the same search. */
export function termsOf(query: string): Term[] {
  const terms: Term[] = [];
  // A term ends at a blank outside quotes.
  for (const [text] of query.matchAll(/(?:"[^"]*"?|[^\s"])+/g)) {
    const isDenied = text.startsWith("-") && text.length > 1;
    const plain = isDenied ? text.slice(1) : text;
    const m = /^([a-z]+):(.+)$/s.exec(plain);
    const [, field, value] = m ?? [];
    terms.push(
      field !== undefined && value !== undefined ? { field, value, isDenied } : { value: plain, isDenied },
    );
  }
  return terms;
}

export function queryOf(terms: readonly Term[]): string {
  return terms.map(written).join(" ");
}

/** The search with one condition of a field replacing all existing ones; none if the value is empty. */
export function withField(query: string, field: string, value: string): string {
  const rest = termsOf(query).filter((term) => term.field !== field || term.isDenied);
  return queryOf(value === "" ? rest : [...rest, { field, value, isDenied: false }]);
}
