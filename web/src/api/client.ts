// Requests to the portal's API. Problems (RFC 9457) become ApiError; everything else is the parsed answer.

import type { GridColumns } from "../grid/model";
import type { Folder, Item, Me, People, Session, Timeline } from "./shapes";

/** A request that failed. `status` 0: the portal could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    /** What kind of problem, the last part of its `type`: `wrong_password`, `code_needed`, `not_found`. */
    readonly kind?: string,
    readonly detail?: string,
    /** Seconds after which the portal asks to try again. */
    readonly retryAfter?: number,
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
  try {
    const body = (await response.json()) as { type?: unknown; title?: unknown; detail?: unknown };
    if (typeof body.type === "string") kind = body.type.split(":").pop();
    if (typeof body.title === "string") title = body.title;
    if (typeof body.detail === "string") detail = body.detail;
  } catch {
    // A proxy in between may answer with something that is no JSON: the status has to do.
  }
  return new ApiError(
    response.status,
    title,
    kind,
    detail,
    Number.isNaN(retryAfter) ? undefined : retryAfter,
  );
}

async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await (await send("GET", address(path, query), undefined, signal)).json()) as T;
}

/** What a list is narrowed to. */
export interface Scope {
  readonly space?: string;
  readonly q?: string;
}

export const api = {
  signIn: async (account: string, password: string, remember: boolean, otp?: string) => {
    const body = { account, password, remember, ...(otp ? { otp } : {}) };
    return (await (await send("POST", address("session"), body)).json()) as Session;
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
  gridOf: (
    list: Scope & { folder?: string; person?: string },
    page: { limit: number; after?: string },
    signal?: AbortSignal,
  ): Promise<GridColumns & { next?: string }> =>
    get("items", { ...list, ...page, format: "grid", sort: "-taken" }, signal),
  thumbhashes: (ids: readonly number[], signal?: AbortSignal) =>
    get<Record<string, string>>("items/thumbhashes", { ids: ids.join(",") }, signal),
  item: (id: number, signal?: AbortSignal) => get<Item>(`items/${id}`, undefined, signal),
  folder: (space: string, path: string, signal?: AbortSignal) =>
    get<Folder>("folders", { space, path }, signal),
  people: (space: string | undefined, signal?: AbortSignal) => get<People>("people", { space }, signal),
};

/** Sizes of thumbnails by their short edge: 240, 320 and 1280 pixels; `preview` is what a browser shows of a HEIC or RAW. */
export type ThumbnailSize = "sm" | "m" | "xl" | "preview";

/** Address of a thumbnail. With the key the answer never changes, and the browser keeps it. */
export function thumbnail(id: number, key: number, size: ThumbnailSize): string {
  return `api/v1/items/${id}/thumbnail/${size}?v=${key}`;
}

export function original(id: number): string {
  return `api/v1/items/${id}/original`;
}
