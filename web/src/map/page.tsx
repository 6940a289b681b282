// A map as a page. The map is loaded when it is first opened.

import type { ComponentChildren } from "preact";
import { lazily } from "../ui/lazy";
import type { MapProps } from "./view";

const PhotoMap = lazily<MapProps>(async () => (await import("./view")).PhotoMap);

/** `head`: the title of the page and the way back to its list. */
export function MapPage({ head, ...map }: MapProps & { head: ComponentChildren }) {
  return (
    <main class="page map-page">
      <div class="page-head">{head}</div>
      <PhotoMap {...map} />
    </main>
  );
}
