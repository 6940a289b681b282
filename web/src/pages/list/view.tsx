// A plain grid of a list that is read page by page: the items of a folder, of a person.

import { useEffect, useRef, useState } from "preact/hooks";
import { thumbnail } from "../../api/client";
import { sizeFor } from "../../grid/host";
import type { GridColumns } from "../../grid/model";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { clock } from "../../lib/dates";
import { sessionEnded } from "../../lib/session";
import { Failed } from "../../ui/states";

const PAGE = 120;
/** Side of a tile in CSS pixels, about. */
const TILE = 180;

export type LoadPage = (
  page: { limit: number; after?: string },
  signal: AbortSignal,
) => Promise<GridColumns & { next?: string }>;

export function ItemGrid({ load }: { load: LoadPage }) {
  const [pages, setPages] = useState<readonly GridColumns[]>([]);
  const [next, setNext] = useState<string | undefined>("");
  const [error, setError] = useState<unknown>();
  const end = useRef<HTMLDivElement>(null);
  const isLoading = useRef(false);

  const more = async (after: string, signal: AbortSignal) => {
    if (isLoading.current) return;
    isLoading.current = true;
    try {
      const page = await load({ limit: PAGE, ...(after === "" ? {} : { after }) }, signal);
      setPages((known) => [...known, page]);
      setNext(page.next);
      setError(undefined);
    } catch (e) {
      if (!signal.aborted && !sessionEnded(e)) setError(e);
    } finally {
      isLoading.current = false;
    }
  };
  useEffect(() => {
    if (!end.current || next === undefined || error !== undefined) return;
    const controller = new AbortController();
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((e) => e.isIntersecting)) void more(next, controller.signal);
    });
    observer.observe(end.current);
    return () => {
      observer.disconnect();
      controller.abort();
      isLoading.current = false;
    };
  }, [next, error]);

  return (
    <>
      <div class="item-grid">
        {pages.flatMap((page) =>
          page.ids.map((id, i) => {
            const isVideo = page.kind[i] === "v";
            const duration = page.durations.find(([at]) => at === i)?.[1];
            return (
              <a
                class="item-tile"
                href={href(["photos", "item", id])}
                aria-label={`${t(isVideo ? "timeline.video" : "timeline.photo", { day: "" })}`}
              >
                <img
                  alt=""
                  loading="lazy"
                  src={thumbnail(id, page.keys[i] ?? 0, sizeFor(TILE * devicePixelRatio))}
                />
                {isVideo && (
                  <span class="badge badge-video">{duration === undefined ? "" : clock(duration)}</span>
                )}
              </a>
            );
          }),
        )}
      </div>
      {error !== undefined && <Failed error={error} retry={() => setError(undefined)} />}
      <div ref={end} class="list-end" />
    </>
  );
}
