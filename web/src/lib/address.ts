// Addresses of the application. `<base href>` is the path of the portal; routes are relative to it.

import { signal } from "@preact/signals";

const base = () => new URL(document.baseURI).pathname;

/** A route: path segments below the base, and the query. */
export interface Route {
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
}

export function parse(location: { pathname: string; search: string }, basePath: string): Route {
  const path = location.pathname.startsWith(basePath) ? location.pathname.slice(basePath.length) : "";
  const segments = path
    .split("/")
    .filter((s) => s !== "")
    .map(decode);
  return { segments, query: new URLSearchParams(location.search) };
}

/** A segment that is not valid UTF-8 when decoded is kept as written. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The address of a route, relative to the base: `photos/item/12?q=dog`. */
export function href(
  segments: readonly (string | number)[],
  query?: Record<string, string | undefined>,
): string {
  const path = segments.map((s) => encodeURIComponent(s)).join("/");
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) if (value) search.set(key, value);
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** The current route. Changed by [`go`] and by the browser's back and forward. */
export const route = signal<Route>({ segments: [], query: new URLSearchParams() });

const read = () => {
  route.value = parse(window.location, base());
};

/** Starts following the address, and handles clicks on links within the application: with `data-enter` as [`enter`]. */
export function follow(): void {
  read();
  window.addEventListener("popstate", read);
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download") || link.dataset.external !== undefined) return;
    const url = new URL(link.href);
    if (url.origin !== window.location.origin || !url.pathname.startsWith(base())) return;
    event.preventDefault();
    const to = url.pathname.slice(base().length) + url.search;
    if (link.dataset.enter === undefined) go(to);
    else enter(to);
  });
}

/** Goes to an address relative to the base. `replace`: without a new entry in the history. */
export function go(to: string, options?: { replace?: boolean }): void {
  const url = new URL(to, document.baseURI);
  if (options?.replace) history.replaceState(history.state, "", url);
  else history.pushState(null, "", url);
  read();
}

/** Goes back if the last step was inside the application, else to `fallback`. */
export function back(fallback: string): void {
  if (history.state?.inside) history.back();
  else go(fallback, { replace: true });
}

/** Like [`go`], and records that [`back`] can return. */
export function enter(to: string): void {
  history.pushState({ inside: true }, "", new URL(to, document.baseURI));
  read();
}

/** The item opened over a page by `?item=`. */
export function openedItem(): number | undefined {
  const id = Number(route.value.query.get("item") ?? Number.NaN);
  return Number.isInteger(id) ? id : undefined;
}
