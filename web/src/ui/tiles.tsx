// Tiles with a picture, a name and a count: albums, tags, subjects, places.

import "./tiles.css";
import { thumbnail } from "../api/client";
import type { Cover } from "../api/shapes";
import { t } from "../i18n";
import { Icon, type IconName } from "./icons";

export interface Tile {
  readonly to: string;
  readonly name: string;
  readonly items?: number;
  readonly cover?: Cover | undefined;
}

export function Tiles({ tiles, icon }: { tiles: readonly Tile[]; icon: IconName }) {
  return (
    <ul class="tiles">
      {tiles.map((tile) => (
        <li key={tile.to}>
          <a class="cover-tile" href={tile.to}>
            <span class="cover">
              {tile.cover ? (
                <img alt="" loading="lazy" src={thumbnail(tile.cover.id, tile.cover.key, "m")} />
              ) : (
                <Icon name={icon} />
              )}
            </span>
            <span class="cover-name">{tile.name}</span>
            {tile.items !== undefined && (
              <span class="cover-count">{t("folders.items", { count: tile.items })}</span>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}
