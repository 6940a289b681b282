// The buttons over a map.

import { t } from "../i18n";
import { Icon } from "../ui/icons";

/** `all`: shows all photos, where the map has any. */
export function ZoomButtons({ zoom, all }: { zoom: (by: number) => void; all?: () => void }) {
  return (
    <div class="map-buttons">
      <button type="button" aria-label={t("map.closer")} onClick={() => zoom(1)}>
        <Icon name="plus" />
      </button>
      <button type="button" aria-label={t("map.further")} onClick={() => zoom(-1)}>
        <Icon name="minus" />
      </button>
      {all && (
        <button type="button" aria-label={t("map.all")} onClick={all}>
          <Icon name="expand" />
        </button>
      )}
    </div>
  );
}
