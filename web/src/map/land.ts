// Loads land, borders and country names of the map.

import fine from "land-10m.bin";
import coarse from "land-50m.bin";
import { decode, type Land } from "./decode";

/** From this zoom the fine file is used. */
const FINE = 5;

export const isFineAt = (zoom: number) => zoom >= FINE;

const loaded = new Map<string, Promise<Land>>();

/** The land for a zoom; each of the two files is loaded once. */
export function landFor(zoom: number): Promise<Land> {
  const address = isFineAt(zoom) ? fine : coarse;
  let land = loaded.get(address);
  if (!land) {
    land = fetch(new URL(address, import.meta.url)).then(async (response) => {
      if (!response.ok) throw new Error(`the file of the map: status ${response.status}`);
      return decode(new Uint8Array(await response.arrayBuffer()));
    });
    // After a failure it is requested again.
    land.catch(() => loaded.delete(address));
    loaded.set(address, land);
  }
  return land;
}
