// A small map with one position, which opens the map of all photos there.

import "./mini.css";
import { useEffect, useRef } from "preact/hooks";
import { language, t } from "../i18n";
import { countryName } from "../lib/countries";
import { theme } from "../lib/session";
import { worldX, worldY } from "./mercator";

const ZOOM = 6;

export function MiniMap({ lat, lon, to }: { lat: number; lon: number; to: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let isGone = false;
    void Promise.all([import("./draw"), import("./land")])
      .then(async ([{ coloursOf, draw }, { landFor }]) => {
        const land = await landFor(ZOOM);
        const element = canvas.current;
        if (isGone || !element) return;
        const view = { x: worldX(lon), y: worldY(lat), zoom: ZOOM };
        const size = { width: element.clientWidth, height: element.clientHeight };
        draw(element, land, view, size, coloursOf(element), countryName);
        element.dataset.state = "drawn";
      })
      // The position is written above it.
      .catch(console.error);
    return () => {
      isGone = true;
    };
  }, [lat, lon, theme.value, language.value]);
  return (
    <a class="mini-map" href={to} aria-label={t("map.here")}>
      <canvas ref={canvas} />
      <span class="mini-map-pin" />
    </a>
  );
}
