// Modes of the viewer besides showing an item: clip, panorama, slideshow, print.

import { useEffect, useRef, useState } from "preact/hooks";
import { original, thumbnail } from "../../api/client";
import type { Item } from "../../api/shapes";
import { t } from "../../i18n";
import { isShown } from "../../lib/files";
import { preferences, setPreference } from "../../lib/preferences";
import { Icon } from "../../ui/icons";
import { announce } from "../../ui/toast";
import { clipOf } from "./motion";
import { extentOf, SphereView } from "./sphere";

/** The clip of a motion photo, over the photo. */
export function Clip({ item, end }: { item: Item; end: () => void }) {
  const [src, setSrc] = useState<string>();
  useEffect(() => {
    const controller = new AbortController();
    let release = () => {};
    const fail = (error: unknown) => {
      if (controller.signal.aborted) return;
      console.error(error);
      announce(t("viewer.noClip"));
      end();
    };
    void clipOf(item, controller.signal)
      .then((clip) => {
        release = clip.release;
        if (controller.signal.aborted) release();
        else setSrc(clip.src);
      })
      .catch(fail);
    return () => {
      controller.abort();
      release();
    };
  }, [item.id]);
  if (src === undefined) return null;
  return (
    <video
      class="viewer-clip"
      src={src}
      autoplay
      muted
      playsinline
      aria-label={t("viewer.clip")}
      onEnded={end}
      onError={() => {
        announce(t("viewer.unplayable"));
        end();
      }}
    />
  );
}

/** A sphere or panorama, viewed from inside. */
export function Panorama({ item, end }: { item: Item; end: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let view: SphereView | undefined;
    let isGone = false;
    const picture = new Image();
    picture.src =
      isShown(item) && item.rights.includes("download") ? original(item.id) : thumbnail(item.id, 0, "xl");
    void picture
      .decode()
      .then(() => {
        if (isGone || !canvas.current) return;
        const aspect = picture.naturalWidth / picture.naturalHeight;
        view = new SphereView(canvas.current, picture, extentOf(aspect, item.pano?.is_360 === true));
        canvas.current.dataset.state = "shown";
      })
      .catch((error) => {
        if (isGone) return;
        console.error(error);
        announce(t("viewer.noPanorama"));
        end();
      });
    const onKey = (event: KeyboardEvent) => {
      if (view?.key(event.key)) event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => {
      isGone = true;
      document.removeEventListener("keydown", onKey);
      view?.destroy();
    };
  }, [item.id]);
  return (
    <>
      <canvas ref={canvas} class="viewer-panorama" role="img" aria-label={t("viewer.panoramaHint")} />
      <p class="viewer-hint">{t("viewer.panoramaHint")}</p>
    </>
  );
}

const INTERVALS = [3, 5, 10, 30] as const;

/** Advances through the list automatically, and keeps the screen on. */
export function Slideshow(props: {
  index: () => number;
  next: (index: number) => void;
  count: number;
  end: () => void;
}) {
  const stored = Number(preferences.value.slideshow_seconds ?? 5);
  const [seconds, setSeconds] = useState(INTERVALS.find((n) => n === stored) ?? 5);
  const [isShuffled, setShuffled] = useState(preferences.value.slideshow_shuffle === true);
  const [isPaused, setPaused] = useState(false);
  useEffect(() => {
    if (isPaused) return;
    const timer = setInterval(() => {
      const { count } = props;
      const at = props.index();
      // A different one, chosen at random.
      const step = isShuffled ? 1 + Math.floor(Math.random() * Math.max(1, count - 1)) : 1;
      props.next((at + step) % count);
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds, isShuffled, isPaused, props.count]);
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    let isGone = false;
    // Without it, if the browser lacks it or the page is hidden, the screen may turn off: the slideshow continues.
    void navigator.wakeLock
      ?.request("screen")
      .then((got) => {
        lock = got;
        if (isGone) void got.release();
      })
      .catch(() => undefined);
    return () => {
      isGone = true;
      void lock?.release();
    };
  }, []);
  return (
    <fieldset class="slideshow">
      <legend class="visually-hidden">{t("viewer.slideshow")}</legend>
      <button
        type="button"
        class="icon-button"
        aria-label={isPaused ? t("slideshow.go") : t("slideshow.pause")}
        onClick={() => setPaused(!isPaused)}
      >
        <Icon name={isPaused ? "play" : "pause"} />
      </button>
      <select
        class="slideshow-interval"
        aria-label={t("slideshow.interval")}
        value={seconds}
        onChange={(event) => {
          const chosen = INTERVALS.find((n) => String(n) === event.currentTarget.value) ?? 5;
          setSeconds(chosen);
          setPreference("slideshow_seconds", chosen);
        }}
      >
        {INTERVALS.map((n) => (
          <option key={n} value={n}>
            {t("slideshow.seconds", { count: n })}
          </option>
        ))}
      </select>
      <button
        type="button"
        class={isShuffled ? "icon-button is-pressed" : "icon-button"}
        aria-label={t("slideshow.shuffle")}
        aria-pressed={isShuffled}
        onClick={() => {
          setShuffled(!isShuffled);
          setPreference("slideshow_shuffle", !isShuffled);
        }}
      >
        <Icon name="shuffle" />
      </button>
      <button type="button" class="icon-button" aria-label={t("slideshow.end")} onClick={props.end}>
        <Icon name="close" />
      </button>
    </fieldset>
  );
}

/** Prints the picture alone: the style sheet hides everything else on paper. */
export function Print({ item, end }: { item: Item; end: () => void }) {
  return (
    <img
      class="print-picture"
      alt=""
      src={thumbnail(item.id, 0, "xl")}
      onLoad={() => {
        window.print();
        end();
      }}
      onError={() => {
        announce(t("viewer.missing"));
        end();
      }}
    />
  );
}
