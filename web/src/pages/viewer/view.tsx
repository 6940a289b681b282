// The viewer: one item over the page, with the ones before and after. PhotoSwipe does zoom and swipe; it is loaded when
// the viewer opens first.

import { useEffect, useRef, useState } from "preact/hooks";
import { api, original, thumbnail } from "../../api/client";
import type { Item } from "../../api/shapes";
import type { GridItem, TimelineModel } from "../../grid/model";
import { t } from "../../i18n";
import { back, go } from "../../lib/address";
import { Info } from "./info";

export interface ViewerProps {
  id: number;
  /** The list that is leafed through; until it is loaded, only the item itself is shown. */
  model: TimelineModel | undefined;
  /** Address below the viewer. */
  close: string;
  show: (id: number) => string;
  /** The viewer has closed on this position: its tile takes the focus. */
  focus: (position: number) => void;
  /** The item at this position is needed and not loaded. */
  needs: (position: number) => void;
}

interface Slide {
  src?: string;
  html?: string;
  width: number;
  height: number;
  msrc?: string;
  itemId?: number;
  alt?: string;
}

/** Width of the facts beside the picture in CSS pixels, as in app.css; on a phone they are over it. */
const INFO_WIDTH = 352;
const PHONE_WIDTH = 600;

/** Short edge of the picture that is shown first, in pixels. */
const XL = 1280;

function slideOf(item: GridItem): Slide {
  const [width, height] = item.aspect >= 1 ? [XL * item.aspect, XL] : [XL, XL / item.aspect];
  if (item.isVideo) {
    const poster = thumbnail(item.id, item.key, "xl");
    return {
      html: `<video class="viewer-video" controls playsinline preload="metadata" poster="${poster}" src="${original(item.id)}"></video>`,
      width,
      height,
      itemId: item.id,
    };
  }
  return {
    src: thumbnail(item.id, item.key, "xl"),
    msrc: thumbnail(item.id, item.key, "sm"),
    width: Math.round(width),
    height: Math.round(height),
    itemId: item.id,
    alt: "",
  };
}

/** An item that is opened by its address, before the list around it is loaded. */
function gridItemOf(item: Item): GridItem {
  const aspect = (item.display_width ?? 1) / Math.max(1, item.display_height ?? 1);
  return { id: item.id, aspect, isVideo: item.kind === "video", flags: 0, key: 0 };
}

export function Viewer(props: ViewerProps) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [item, setItem] = useState<Item>();
  const [showsInfo, setShowsInfo] = useState(false);
  const infoIsBeside = useRef(false);
  const resize = useRef<() => void>(() => {});
  const { id } = props;

  useEffect(() => {
    infoIsBeside.current = showsInfo;
    resize.current();
  }, [showsInfo]);

  useEffect(() => {
    const controller = new AbortController();
    api
      .item(id, controller.signal)
      .then(setItem)
      .catch(() => setItem(undefined));
    return () => controller.abort();
  }, [id]);
  useEffect(() => {
    let isClosed = false;
    let destroy: (() => void) | undefined;
    void (async () => {
      const [{ default: PhotoSwipe }] = await Promise.all([import("photoswipe"), import("./photoswipe.css")]);
      const { model } = latest.current;
      const position = model?.positionOf(id);
      const lone = position === undefined ? gridItemOf(await api.item(id)) : undefined;
      if (isClosed || !host.current) return;
      const pswp = new PhotoSwipe({
        dataSource: [],
        index: position ?? 0,
        appendToEl: host.current,
        bgOpacity: 1,
        getViewportSizeFn: () => ({
          x: window.innerWidth - (infoIsBeside.current && window.innerWidth > PHONE_WIDTH ? INFO_WIDTH : 0),
          y: window.innerHeight,
        }),
        loop: false,
        showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "fade",
        showAnimationDuration: 140,
        hideAnimationDuration: 140,
        preload: [1, 2],
        closeTitle: t("viewer.close"),
        zoomTitle: t("viewer.zoom"),
        arrowPrevTitle: t("viewer.previous"),
        arrowNextTitle: t("viewer.next"),
        errorMsg: t("viewer.missing"),
        wheelToZoom: true,
        returnFocus: false,
      });
      pswp.addFilter("numItems", () => (lone ? 1 : (model?.count ?? 0)));
      pswp.addFilter("itemData", (_data, index) => {
        const found = lone ?? model?.item(index);
        if (found) return slideOf(found);
        latest.current.needs(index);
        setTimeout(() => !isClosed && pswp.refreshSlideContent(index), 400);
        return { html: "", width: XL, height: XL };
      });
      pswp.on("uiRegister", () => {
        pswp.ui?.registerElement({
          name: "info",
          order: 8,
          isButton: true,
          title: t("viewer.info"),
          ariaLabel: t("viewer.info"),
          html: '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5.500M12 7.700h.01"/></svg>',
          onClick: () => setShowsInfo((shows) => !shows),
        });
      });
      pswp.on("keydown", ({ originalEvent }) => {
        if ((originalEvent as KeyboardEvent).key === "i") setShowsInfo((shows) => !shows);
      });
      pswp.on("change", () => {
        const shown = pswp.currSlide?.data.itemId as number | undefined;
        if (shown !== undefined && shown !== latest.current.id)
          go(latest.current.show(shown), { replace: true });
        for (const video of host.current?.querySelectorAll("video") ?? []) video.pause();
      });
      pswp.on("close", () => {
        const at = pswp.currIndex;
        if (!isClosed) back(latest.current.close);
        if (!lone) latest.current.focus(at);
      });
      pswp.init();
      resize.current = () => pswp.updateSize(true);
      destroy = () => pswp.destroy();
    })();
    return () => {
      isClosed = true;
      destroy?.();
    };
  }, []);

  return (
    <section class={showsInfo ? "viewer has-info" : "viewer"} ref={host} aria-label={t("viewer.label")}>
      {showsInfo && item && <Info item={item} close={() => setShowsInfo(false)} />}
    </section>
  );
}
