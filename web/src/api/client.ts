// Requests to the portal's API. Problems (RFC 9457) become ApiError; other responses are parsed.

import type { GridColumns } from "../grid/model";
import type {
  Album,
  Edited,
  Facets,
  Failures,
  Folder,
  Item,
  MapAnswer,
  Me,
  Named,
  Person,
  Places,
  Session,
  Suggestion,
  Timeline,
} from "./shapes";

/** A request that failed. `status` 0: the portal could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    /** The kind of problem, the last part of its `type`: `wrong_password`, `code_needed`, `not_found`. */
    readonly kind?: string,
    readonly detail?: string,
    /** Seconds to wait before a retry. */
    readonly retryAfter?: number,
    /** With `name_taken`: the people who have the name. */
    readonly people: readonly Person[] = [],
  ) {
    super(detail ?? title);
  }
}

type Query = Record<string, string | number | undefined>;

function address(path: string, query?: Query): string {
  const url = new URL(`api/v1/${path}`, document.baseURI);
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== "") url.searchParams.set(key, String(value));
  }
  return url.href;
}

async function send(method: string, url: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const init: RequestInit = { method, credentials: "same-origin", headers: { Accept: "application/json" } };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { Accept: "application/json", "Content-Type": "application/json" };
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (e) {
    if (e instanceof DOMException && e.name === "AbortError") throw e;
    throw new ApiError(0, "unreachable");
  }
  if (response.ok) return response;
  throw await problem(response);
}

async function problem(response: Response): Promise<ApiError> {
  const retryAfter = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  let title = response.statusText;
  let detail: string | undefined;
  let kind: string | undefined;
  let people: readonly Person[] = [];
  try {
    const body = (await response.json()) as Partial<Record<"type" | "title" | "detail" | "people", unknown>>;
    if (Array.isArray(body.people)) people = body.people as Person[];
    if (typeof body.type === "string") kind = body.type.split(":").pop();
    if (typeof body.title === "string") title = body.title;
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // A proxy in between may return a body that is not JSON: then only the status is used.
  }
  return new ApiError(
    response.status,
    title,
    kind,
    detail,
    Number.isNaN(retryAfter) ? undefined : retryAfter,
    people,
  );
}

/** The response to a request for data. */
export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await (await send("GET", address(path, query), undefined, signal)).json()) as T;
}

/** The response to a request that changes something. */
export async function change<T>(method: "POST" | "PATCH", path: string, body: unknown): Promise<T> {
  return (await (await send(method, address(path), body)).json()) as T;
}

/** Changes of items, with the tags to add and to remove. */
export interface Change {
  readonly set?: {
    readonly title?: string | null;
    readonly description?: string | null;
    readonly rating?: number | null;
    readonly taken?: string | null;
    /** `null`: no position, even if the file has one. */
    readonly gps?: { readonly lat: number; readonly lon: number } | null;
    readonly favourite?: boolean;
  };
  /** Shift of capture dates: `+02:00:00`, `-26:30:00`. */
  readonly shift_taken?: string;
  readonly add_tags?: readonly string[];
  readonly remove_tags?: readonly string[];
}

/** Filters of a list. */
export interface Scope {
  readonly space?: string;
  readonly q?: string;
  /** The id of a person. */
  readonly person?: string;
}

/** A list in one order, without days. */
export interface List extends Scope {
  readonly folder?: string;
  readonly album?: number;
  readonly sort?: string;
}

export const api = {
  signIn: async (account: string, password: string, remember: boolean, otp?: string) => {
    const body = { account, password, remember, ...(otp ? { otp } : {}) };
    return change<Session>("POST", "session", body);
  },
  signOut: async () => {
    await send("DELETE", address("session"), undefined);
  },
  me: () => get<Me>("me"),
  timeline: (scope: Scope, signal?: AbortSignal) => get<Timeline>("timeline", { ...scope }, signal),
  grid: (
    scope: Scope,
    range: { day: string; offset?: number; limit: number },
    signal?: AbortSignal,
  ): Promise<GridColumns & { version: string }> =>
    get("items", { ...scope, format: "grid", sort: "-taken", ...range }, signal),
  /** A part of a list that is not read by day. */
  part: (list: List, range: { offset: number; limit: number }, signal?: AbortSignal): Promise<GridColumns> =>
    get("items", { sort: "-taken", ...list, ...range, format: "grid" }, signal),
  /** Items with all of their facts. */
  items: (list: List, range: { offset: number; limit: number }, signal?: AbortSignal) =>
    get<{ items: readonly Item[] }>("items", { sort: "-taken", ...list, ...range }, signal),
  /** ThumbHashes, base64, by id: at most 500. */
  thumbhashes: (ids: readonly number[], signal?: AbortSignal) =>
    get<Record<string, string>>("items/thumbhashes", { ids: ids.join() }, signal),
  item: (id: number, signal?: AbortSignal) => get<Item>(`items/${id}`, undefined, signal),
  folder: (space: string, path: string, signal?: AbortSignal) =>
    get<Folder>("folders", { space, path }, signal),
  tags: (space?: string, signal?: AbortSignal) => get<{ tags: Named[] }>("tags", { space }, signal),
  subjects: (space?: string, signal?: AbortSignal) =>
    get<{ subjects: Named[] }>("subjects", { space }, signal),
  places: (space?: string, signal?: AbortSignal) => get<Places>("places", { space }, signal),
  /** Photos on a map, in clusters for a zoom level. */
  map: (list: List, range: { box?: string; zoom?: number }, signal?: AbortSignal) =>
    get<MapAnswer>("map", { ...list, ...range }, signal),
  albums: (signal?: AbortSignal) => get<{ albums: Album[] }>("albums", undefined, signal),
  album: (id: number, signal?: AbortSignal) => get<Album>(`albums/${id}`, undefined, signal),
  addAlbum: (name: string, items: readonly number[]) => change<Album>("POST", "albums", { name, items }),
  /** An album whose photos are those of a search. */
  addSearchAlbum: (name: string, query: string) => change<Album>("POST", "albums", { name, query }),
  changeAlbum: async (id: number, what: { name?: string; description?: string; cover?: number }) => {
    await send("PATCH", address(`albums/${id}`), what);
  },
  removeAlbum: async (id: number) => {
    await send("DELETE", address(`albums/${id}`), undefined);
  },
  fillAlbum: async (id: number, add: readonly number[], remove: readonly number[]) => {
    await send("POST", address(`albums/${id}/items`), { add, remove });
  },
  suggest: (q: string, signal?: AbortSignal) =>
    get<{ suggestions: Suggestion[] }>("search/suggest", { q }, signal),
  facets: (scope: Scope & { day?: string }, signal?: AbortSignal) =>
    get<Facets>("facets", { ...scope }, signal),
  edit: (ids: readonly number[], what: Change) => change<Edited>("POST", "items/edit", { ids, ...what }),
  undo: async (undo: string) => {
    await send("POST", address("undo"), { undo });
  },
  failures: (after?: string, signal?: AbortSignal) =>
    get<Failures>("failures", { limit: 1000, after }, signal),
  preferences: () => get<Record<string, unknown>>("preferences"),
  setPreferences: async (changes: Record<string, unknown>) => {
    await send("PATCH", address("preferences"), changes);
  },
  setLanguage: async (language: string) => {
    await send("PATCH", address("me"), { language });
  },
  /** Confirms the password of the signed-in account. */
  confirm: async (password: string, otp?: string) => {
    await send("POST", address("session/confirm"), { password, ...(otp ? { otp } : {}) });
  },
  searches: (signal?: AbortSignal) =>
    get<{ searches: readonly { id: number; query: string }[] }>("searches", undefined, signal),
  noteSearch: async (query: string) => {
    await send("POST", address("searches"), { query });
  },
  forgetSearch: async (id: number) => {
    await send("DELETE", address(`searches/${id}`), undefined);
  },
  forgetSearches: async () => {
    await send("DELETE", address("searches"), undefined);
  },
};

/** Sizes of thumbnails by their short edge: 240, 320 and 1280 pixels; `preview` is a browser-compatible picture of a HEIC or RAW. */
export type ThumbnailSize = "sm" | "m" | "xl" | "preview";

/** Address of a thumbnail. With the key the response never changes, and the browser caches it. */
export function thumbnail(id: number, key: number, size: ThumbnailSize): string {
  return `api/v1/items/${id}/thumbnail/${size}?v=${key}`;
}

export function original(id: number): string {
  return `api/v1/items/${id}/original`;
}

/** Address that saves the file instead of showing it. */
export function saved(id: number): string {
  return `${original(id)}?download=1`;
}

/** The clip of a Live Photo that is a separate file. */
export function motion(id: number): string {
  return `api/v1/items/${id}/motion`;
}
