// The viewer: one item over the page, with the previous and the next one. PhotoSwipe provides zoom and swipe; it is
// loaded when the viewer first opens. The bar, the keys and the panels are the application's own.

import type PhotoSwipe from "photoswipe";
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Item, ItemFace } from "../../api/shapes";
import type { GridItem, TimelineModel } from "../../grid/model";
import { t } from "../../i18n";
import { back, go } from "../../lib/address";
import { edit, edits } from "../../lib/edits";
import { canShare, save, share } from "../../lib/files";
import { sessionEnded } from "../../lib/session";
import { KeyList } from "../../ui/key-list";
import { lazily } from "../../ui/lazy";
import { explain } from "../../ui/states";
import { announce } from "../../ui/toast";
import { Bar } from "./bar";
import type { FaceProps } from "./face-dialog";
import { follow, frameOf } from "./face-frame";
import { FaceBoxes, FaceList, useFaces } from "./faces";
import { Info } from "./info";
import { Clip, Panorama, Print, Slideshow } from "./modes";
import { hasClip } from "./motion";
import { fullPicture, gridItemOf, maxZoom, type Slide, slideOf, XL } from "./slides";

export interface ViewerProps {
  id: number;
  /** The list of the viewer; until it is loaded, only the item itself is shown. */
  model: TimelineModel | undefined;
  /** Incremented when more of the list is loaded. */
  version: number;
  /** The address below the viewer. */
  close: string;
  show: (id: number) => string;
  /** The viewer has closed at this position: its tile gets the focus. */
  focus: (position: number) => void;
  /** The item at this position is needed and not loaded. */
  needs: (position: number) => void;
}

/** Width of the facts beside the picture in CSS pixels, as in viewer.css; on a phone they are over it. */
const INFO_WIDTH = 352;
const PHONE_WIDTH = 600;

const FaceDialog = lazily<FaceProps>(async () => (await import("./face-dialog")).FaceDialog);

type Mode = "clip" | "panorama" | "slideshow" | "print";

export function Viewer(props: ViewerProps) {
  const root = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const pswp = useRef<PhotoSwipe | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const [item, setItem] = useState<Item>();
  const [showsInfo, setShowsInfo] = useState(false);
  const [showsKeys, setShowsKeys] = useState(false);
  const [hasControls, setHasControls] = useState(true);
  const [mode, setMode] = useState<Mode>();
  const [showsFaces, setShowsFaces] = useState(false);
  const [face, setFace] = useState<ItemFace>();
  const [marked, setMarked] = useState<number>();
  const frame = useRef(frameOf(useRef<HTMLDivElement>(null))).current;
  const infoIsBeside = useRef(false);
  const { id, model } = props;
  const isListed = model?.positionOf(id) !== undefined;

  const shownItem = item?.id === id ? item : undefined;
  const faces = useFaces(shownItem, showsInfo || showsFaces);
  const hasBoxes = faces.faces.length > 0 && shownItem?.kind === "photo" && mode === undefined;
  useEffect(() => frame.place(pswp.current), [hasBoxes]);

  useEffect(() => {
    infoIsBeside.current = showsInfo;
    pswp.current?.updateSize(true);
  }, [showsInfo]);

  useEffect(() => {
    const controller = new AbortController();
    api
      .item(id, controller.signal)
      .then(setItem)
      .catch((e) => {
        if (controller.signal.aborted || sessionEnded(e)) return;
        setItem(undefined);
        announce(explain(e));
      });
    return () => controller.abort();
  }, [id, edits.value]);

  // Facts loaded after the picture: the size of the original, and the maximum zoom.
  useEffect(() => {
    const slide = pswp.current?.currSlide;
    if (!slide || item === undefined || slide.data.itemId !== item.id) return;
    (slide.data as Slide).fullWidth = item.display_width ?? slide.width;
    slide.calculateSize();
  }, [item]);

  useEffect(() => {
    setMode((m) => (m === "slideshow" ? m : undefined));
  }, [id]);

  // The last position: its tile gets the focus when the viewer is closed.
  const shownAt = useRef<number | undefined>(undefined);
  useEffect(() => {
    const uncover = coverRest(root.current);
    return () => {
      uncover();
      if (shownAt.current !== undefined) latest.current.focus(shownAt.current);
    };
  }, []);

  // An item opened by its address is alone until its list is loaded. The shown slide stays then: a video plays on.
  const lone = useRef<GridItem | undefined>(undefined);
  useEffect(() => {
    let isClosed = false;
    const host = stage.current;
    void (async () => {
      const [{ default: Library }] = await Promise.all([import("photoswipe"), import("./viewer.css")]);
      if (latest.current.model?.positionOf(latest.current.id) === undefined)
        lone.current = gridItemOf(await api.item(latest.current.id));
      const { model, id } = latest.current;
      const position = model?.positionOf(id);
      if (position !== undefined) lone.current = undefined;
      if (isClosed || !host) return;
      const made = new Library(optionsFor(host, position ?? 0, () => infoIsBeside.current));
      made.options.tapAction = () => setHasControls((has) => !has);
      listen(made);
      made.init();
      // The dialog is the enclosing section, with the bar and the panels.
      made.element?.removeAttribute("role");
      pswp.current = made;
    })().catch((e) => isClosed || sessionEnded(e) || announce(explain(e)));
    return () => {
      isClosed = true;
      const made = pswp.current;
      // Its `close` event is not a user action.
      pswp.current = undefined;
      made?.destroy();
    };
  }, []);

  useEffect(() => {
    const position = latest.current.model?.positionOf(latest.current.id);
    if (!pswp.current || position === undefined) return;
    lone.current = undefined;
    placeAt(pswp.current, position);
  }, [isListed]);

  const listen = (made: PhotoSwipe) => {
    made.addFilter("numItems", () => (lone.current ? 1 : (latest.current.model?.count ?? 0)));
    made.addFilter("itemData", (_data, index) => {
      const found = lone.current ?? latest.current.model?.item(index);
      if (found) return slideOf(found);
      latest.current.needs(index);
      setTimeout(() => pswp.current === made && made.refreshSlideContent(index), 400);
      return { html: "", width: XL, height: XL };
    });
    made.on("change", () => {
      const shown = made.currSlide?.data.itemId as number | undefined;
      if (!lone.current) shownAt.current = made.currIndex;
      if (shown !== undefined && shown !== latest.current.id)
        go(latest.current.show(shown), { replace: true });
      // The event also comes when a neighbour is loaded: the shown video plays on.
      for (const video of stage.current?.querySelectorAll("video") ?? [])
        if (!made.currSlide?.container.contains(video)) video.pause();
    });
    follow(made, frame);
    made.on("zoomPanUpdate", ({ slide }) => {
      if (slide === made.currSlide && slide.currZoomLevel > slide.zoomLevels.fit * 1.2) sharpen(slide);
    });
    made.on("keydown", (event) => {
      const { target, key, defaultPrevented } = event.originalEvent as KeyboardEvent;
      const isTyping = (target as HTMLElement | null)?.closest?.("input, textarea, select, dialog");
      if (defaultPrevented || isTyping || modeTakes(key)) event.preventDefault();
    });
    made.on("close", () => {
      if (pswp.current === made) back(latest.current.close);
    });
  };

  const current = useRef<{ mode: Mode | undefined; item: Item | undefined }>({ mode, item });
  current.current = { mode, item };
  /** Keys that a panorama or slideshow handles itself. */
  const modeTakes = (key: string) =>
    (current.current.mode === "panorama" && key !== "Tab") ||
    (current.current.mode !== undefined && key === "Escape");

  /** Replaces the large picture by the picture with all pixels. */
  const sharpen = (slide: NonNullable<PhotoSwipe["currSlide"]>) => {
    const { item } = current.current;
    const image = slide.content.element;
    if (!item || item.id !== slide.data.itemId || !(image instanceof HTMLImageElement) || image.dataset.full)
      return;
    const src = fullPicture(item);
    if (!src) return;
    image.dataset.full = "loading";
    const full = new Image();
    full.onload = () => {
      image.src = src;
      image.dataset.full = "shown";
    };
    full.src = src;
  };

  const actions = {
    close: () => pswp.current?.close(),
    info: () => setShowsInfo((shows) => !shows),
    faces: () => setShowsFaces((shows) => !shows),
    zoom: () => pswp.current?.toggleZoom(),
    keys: () => setShowsKeys(true),
    slideshow: () => setMode((m) => (m === "slideshow" ? undefined : "slideshow")),
    panorama: () => item?.pano && setMode((m) => (m === "panorama" ? undefined : "panorama")),
    clip: () => item && hasClip(item) && setMode((m) => (m === "clip" ? undefined : "clip")),
    print: () => item?.kind === "photo" && setMode("print"),
    download: () => item?.rights.includes("download") && save(item.id),
    share: () =>
      item && canShare() && void share([item.id]).catch((e) => sessionEnded(e) || announce(explain(e))),
    favourite: () =>
      item?.rights.includes("manage") &&
      void edit([item.id], { set: { favourite: item.favourite !== true } }),
    fullScreen: () => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void document.documentElement.requestFullscreen().catch(() => announce(t("viewer.noFullScreen")));
    },
    play: () => {
      const video = stage.current?.querySelector<HTMLVideoElement>('.pswp__item[aria-hidden="false"] video');
      if (!video) return actions.slideshow();
      if (video.paused) void video.play().catch(() => undefined);
      else video.pause();
    },
  };
  const run = useRef(actions);
  run.current = actions;

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (
        event.altKey ||
        event.ctrlKey ||
        event.metaKey ||
        target.closest?.("input, textarea, select, dialog")
      )
        return;
      const action = keyActions[event.key];
      if (event.key === "Escape" && current.current.mode !== undefined) setMode(undefined);
      else if (event.key === " " && target.closest?.("button, a, video")) return;
      else if (action) run.current[action]();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  const classes = ["viewer", showsInfo && "has-info", !hasControls && "is-bare", mode && `is-${mode}`];
  return (
    <section
      class={classes.filter((c) => c).join(" ")}
      ref={root}
      role="dialog"
      tabIndex={-1}
      aria-modal="true"
      aria-label={t("viewer.label")}
    >
      <div class="viewer-stage" ref={stage} onErrorCapture={unplayable} />
      {hasBoxes && <FaceBoxes frame={frame.element} faces={faces} marked={marked} choose={setFace} />}
      <Bar item={item} actions={actions} mode={mode} showsFaces={showsFaces} />
      {mode === "clip" && item && <Clip item={item} end={() => setMode(undefined)} />}
      {mode === "panorama" && item && <Panorama item={item} end={() => setMode(undefined)} />}
      {mode === "slideshow" && (
        <Slideshow
          next={(index) => pswp.current?.goTo(index)}
          index={() => pswp.current?.currIndex ?? 0}
          count={model?.count ?? 1}
          end={() => setMode(undefined)}
        />
      )}
      {mode === "print" && item && <Print item={item} end={() => setMode(undefined)} />}
      {showsInfo && item && (
        <Info
          item={item}
          people={<FaceList item={item} faces={faces} choose={setFace} mark={setMarked} />}
          close={() => setShowsInfo(false)}
        />
      )}
      {face && item && (
        <FaceDialog key={face.id} face={face} space={item.space} close={() => setFace(undefined)} />
      )}
      {showsKeys && <Keys close={() => setShowsKeys(false)} />}
    </section>
  );
}

export type ViewerActions = Record<
  | "close"
  | "info"
  | "faces"
  | "zoom"
  | "keys"
  | "slideshow"
  | "panorama"
  | "clip"
  | "print"
  | "download"
  | "share"
  | "favourite"
  | "fullScreen"
  | "play",
  () => unknown
>;

const keyActions: Record<string, keyof ViewerActions> = {
  i: "info",
  n: "faces",
  "?": "keys",
  s: "slideshow",
  v: "panorama",
  m: "clip",
  p: "print",
  d: "download",
  f: "favourite",
  F: "fullScreen",
  " ": "play",
};

function Keys({ close }: { close: () => void }) {
  return (
    <KeyList
      close={close}
      rows={[
        ["← →", t("keys.leaf")],
        ["+ − Z", t("viewer.zoom")],
        ["I", t("viewer.info")],
        ["N", t("viewer.faces")],
        ["F", t("edit.favourite")],
        ["D", t("viewer.download")],
        ["P", t("viewer.print")],
        ["S", t("viewer.slideshow")],
        ["M", t("viewer.clip")],
        ["V", t("viewer.panorama")],
        ["Space", t("keys.play")],
        ["Shift F", t("viewer.fullScreen")],
        ["Esc", t("viewer.close")],
      ]}
    />
  );
}

function optionsFor(host: HTMLElement, index: number, infoIsBeside: () => boolean) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    dataSource: [],
    index,
    appendToEl: host,
    bgOpacity: 1,
    getViewportSizeFn: () => ({
      x: window.innerWidth - (infoIsBeside() && window.innerWidth > PHONE_WIDTH ? INFO_WIDTH : 0),
      y: window.innerHeight,
    }),
    loop: false,
    showHideAnimationType: isStill ? ("none" as const) : ("fade" as const),
    showAnimationDuration: 140,
    hideAnimationDuration: 140,
    zoomAnimationDuration: isStill ? 0 : 180,
    preload: [1, 2] as [number, number],
    arrowPrevTitle: t("viewer.previous"),
    arrowNextTitle: t("viewer.next"),
    errorMsg: t("viewer.missing"),
    // The bar above has these.
    close: false,
    zoom: false,
    counter: false,
    wheelToZoom: true,
    // The enclosing section is the dialog, which contains more than the pictures.
    trapFocus: false,
    returnFocus: false,
    secondaryZoomLevel: (zoom: { fit: number; max: number }) => Math.min(zoom.max, zoom.fit * 2.5),
    maxZoomLevel: (zoom: { fit: number; itemData: unknown }) => maxZoom(zoom.itemData as Slide, zoom.fit),
  };
}

/** Gives the shown slide its position in a list that was loaded later, and neighbours. */
function placeAt(made: PhotoSwipe, position: number): void {
  const slide = made.currSlide;
  if (!slide) return;
  // The cache of the slides is by position, too.
  made.contentLoader.removeByIndex(made.currIndex);
  made.currIndex = position;
  made.potentialIndex = position;
  slide.index = position;
  slide.content.index = position;
  made.contentLoader.addToCache(slide.content);
  made.refreshSlideContent(position - 1);
  made.refreshSlideContent(position + 1);
}

/** If the browser cannot play a video, the reason and a download link replace it. */
function unplayable(event: Event): void {
  const video = event.target;
  if (!(video instanceof HTMLVideoElement) || video.parentElement?.querySelector(".viewer-unplayable"))
    return;
  const text = document.createElement("p");
  text.className = "viewer-unplayable";
  text.textContent = t("viewer.unplayable");
  video.parentElement?.append(text);
}

/** While the viewer is open, nothing below it can get the focus. */
function coverRest(viewer: HTMLElement | null): () => void {
  const page = viewer?.parentElement;
  const around = [...(page?.children ?? []), ...(page?.parentElement?.children ?? [])];
  // Messages stay reachable, because they can undo edits.
  const rest = around.filter((e) => e !== viewer && e !== page && !e.classList.contains("toasts"));
  for (const element of rest) {
    element.setAttribute("inert", "");
  }
  viewer?.focus();
  return () => {
    for (const element of rest) element.removeAttribute("inert");
  };
}
