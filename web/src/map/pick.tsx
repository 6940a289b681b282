// A map on which one position is chosen.

import "./map.css";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { ZoomButtons } from "./buttons";
import { useChart } from "./chart";
import { latitude, longitude, pixelOf, scaleOf, type View, worldX, worldY, zoomed } from "./mercator";
import type { Position } from "./position";

/** Zoom of a map around a position, and of a map without one. */
const NEAR = 10;
const WORLD = 1.5;

export interface PickProps {
  /** The chosen position. */
  at: Position | undefined;
  /** Shown at first, if no position is chosen. */
  start: Position | undefined;
  choose: (position: Position) => void;
}

const viewAround = ({ lat, lon }: Position, zoom: number): View => ({ x: worldX(lon), y: worldY(lat), zoom });

export function PositionMap({ at, start, choose }: PickProps) {
  const { chart, canvas, size, view, show } = useChart(() => {
    const centre = at ?? start;
    return centre ? viewAround(centre, NEAR) : viewAround({ lat: 25, lon: 10 }, WORLD);
  });
  const pin = at && view && size && pixelOf(worldX(at.lon), worldY(at.lat), view, size);
  const isOutside = pin && size && (pin[0] < 0 || pin[1] < 0 || pin[0] > size.width || pin[1] > size.height);
  // A typed position comes into view.
  useEffect(() => {
    if (at && view && isOutside) show(viewAround(at, Math.max(view.zoom, NEAR)));
  }, [at?.lat, at?.lon]);
  /** Chooses the position at a pixel of the map. */
  const chooseAt = (x: number, y: number) => {
    if (!view || !size) return;
    const scale = scaleOf(view.zoom);
    const lat = latitude(view.y + (y - size.height / 2) / scale);
    // Beyond the date line the world continues.
    const lon = ((longitude(view.x + (x - size.width / 2) / scale) + 540) % 360) - 180;
    choose({ lat, lon });
  };
  const zoom = (by: number) =>
    view && size && show(zoomed(view, view.zoom + by, [size.width / 2, size.height / 2], size));
  return (
    <div
      class="map-chart is-pick"
      ref={chart}
      role="application"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the map
      tabIndex={0}
      aria-label={t("position.map")}
      onClick={(event) => {
        if ((event.target as Element).closest("button")) return;
        const box = event.currentTarget.getBoundingClientRect();
        chooseAt(event.clientX - box.left, event.clientY - box.top);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== event.currentTarget || !size) return;
        event.preventDefault();
        chooseAt(size.width / 2, size.height / 2);
      }}
    >
      <canvas ref={canvas} />
      <span class="map-cross" aria-hidden="true" />
      {pin && <span class="map-pin" style={{ transform: `translate(${pin[0]}px, ${pin[1]}px)` }} />}
      <ZoomButtons zoom={zoom} />
      <p class="map-source">{t("map.source")}</p>
    </div>
  );
}
