// Albums: what Albumen has gathered (people, places, ...), and the albums of the accounts.

import { useMemo } from "preact/hooks";
import { api } from "../../api/client";
import type { Album } from "../../api/shapes";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { href, openedItem, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { listSource } from "../../lib/list";
import { collections } from "../../navigation";
import { Icon } from "../../ui/icons";
import { Empty, Failed } from "../../ui/states";
import { Tiles } from "../../ui/tiles";

export function AlbumsPage() {
  const [, id] = route.value.segments;
  if (id !== undefined) return <AlbumPage key={id} id={Number(id)} />;
  return <AlbumList />;
}

function AlbumList() {
  const space = route.value.query.get("space") ?? undefined;
  const { answer, error, retry } = useAnswer((signal) => api.albums(signal), []);
  return (
    <main class="page is-padded">
      <h1>{t("tab.albums")}</h1>
      <ul class="collections">
        {collections.map(({ path, label, icon }) => (
          <li key={path}>
            <a class="collection" href={href([path], { space })}>
              <Icon name={icon} />
              {t(label)}
            </a>
          </li>
        ))}
      </ul>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {answer?.albums.length === 0 && (
        <Empty icon="albums" title={t("albums.empty")} hint={t("albums.emptyHint")} />
      )}
      {answer && (
        <Tiles
          icon="albums"
          tiles={answer.albums.map((album) => ({
            to: href(["albums", album.id]),
            name: album.name,
            items: album.items,
            cover: album.cover,
          }))}
        />
      )}
    </main>
  );
}

function AlbumPage({ id }: { id: number }) {
  const { answer, error, retry } = useAnswer((signal) => api.album(id, signal), [id]);
  if (error !== undefined) return <Failed error={error} retry={retry} />;
  if (!answer) return <main class="page" aria-busy="true" />;
  return <AlbumView album={answer} />;
}

function AlbumView({ album }: { album: Album }) {
  const source = useMemo(() => listSource({ album: album.id }, async () => album.items), [album]);
  return (
    <PhotoList
      source={source}
      intro={
        <div class="page-head">
          <h1>{album.name}</h1>
          <span class="count">{t("folders.items", { count: album.items })}</span>
          {album.description && <p>{album.description}</p>}
        </div>
      }
      empty={<Empty icon="albums" title={t("albums.none")} hint={t("albums.noneHint")} />}
      address={(item) => href(["albums", album.id], { item: item?.toString() })}
      opened={openedItem()}
      metrics={flatMetrics((width) => rowHeightFor(width, 1))}
    />
  );
}
