// A map as a page. The map is loaded when it is first opened.

import type { ComponentChildren, FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failed } from "../ui/states";
import type { MapProps } from "./view";

/** `head`: the title of the page and the way back to its list. */
export function MapPage({ head, ...map }: MapProps & { head: ComponentChildren }) {
  const [found, setFound] = useState<{ readonly Map: FunctionComponent<MapProps> }>();
  const [error, setError] = useState<unknown>();
  const load = () => {
    setError(undefined);
    import("./view").then(({ PhotoMap }) => setFound({ Map: PhotoMap }), setError);
  };
  useEffect(load, []);
  return (
    <main class="page map-page">
      <div class="page-head">{head}</div>
      {error !== undefined && <Failed error={error} retry={load} />}
      {found && <found.Map {...map} />}
    </main>
  );
}
