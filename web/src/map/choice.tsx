// The choice between the grid of a folder or album and its map.

import { t } from "../i18n";
import { Icon } from "../ui/icons";

export function MapChoice({ address, isMap }: { address: (view?: string) => string; isMap: boolean }) {
  const label = t(isMap ? "map.back" : "map.map");
  return (
    <a class="button is-icon" href={address(isMap ? undefined : "map")} aria-label={label} title={label}>
      <Icon name={isMap ? "grid" : "map"} />
    </a>
  );
}
