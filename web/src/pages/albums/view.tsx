// Albums: automatic collections (people, places, ...), and the albums of the accounts.

import "./albums.css";
import { useMemo, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Album } from "../../api/shapes";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { go, href, openedItem, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { attempt, edits } from "../../lib/edits";
import { listSource } from "../../lib/list";
import { MapChoice } from "../../map/choice";
import { MapPage } from "../../map/page";
import { collections } from "../../navigation";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { Empty, Failed, FailedPage } from "../../ui/states";
import { Tiles } from "../../ui/tiles";
import { NewAlbum } from "./new";

export function AlbumsPage() {
  const [, id] = route.value.segments;
  if (id !== undefined) return <AlbumPage key={id} id={Number(id)} />;
  return <AlbumList />;
}

function AlbumList() {
  const space = route.value.query.get("space") ?? undefined;
  const [makes, setMakes] = useState(false);
  const { answer, error, retry } = useAnswer((signal) => api.albums(signal), [edits.value]);
  return (
    <main class="page is-padded">
      <div class="page-head">
        <h1>{t("tab.albums")}</h1>
        <div class="tools">
          <button type="button" class="button" onClick={() => setMakes(true)}>
            <Icon name="plus" />
            {t("albums.add")}
          </button>
        </div>
      </div>
      {makes && <NewAlbum close={() => setMakes(false)} />}
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
  const { answer, error, retry } = useAnswer((signal) => api.album(id, signal), [id, edits.value]);
  if (error !== undefined) return <FailedPage error={error} retry={retry} />;
  if (!answer) return <main class="page" aria-busy="true" />;
  return <AlbumView album={answer} />;
}

function AlbumView({ album }: { album: Album }) {
  const [asks, setAsks] = useState<"name" | "remove">();
  const mayChange = album.rights.includes("manage");
  const source = useMemo(() => listSource({ album: album.id }, async () => album.items), [album]);
  const isMap = route.value.query.get("view") === "map";
  const address = (query?: Record<string, string | undefined>) => href(["albums", album.id], query);
  const head = (
    <>
      <h1>{album.name}</h1>
      <span class="count">{t("folders.items", { count: album.items })}</span>
      {album.description && !isMap && <p>{album.description}</p>}
      <div class="tools">
        {album.items > 0 && <MapChoice address={(view) => address({ view })} isMap={isMap} />}
        {mayChange && !isMap && (
          <Menu label={t("albums.menu")} icon="more">
            <button type="button" class="menu-entry" onClick={() => setAsks("name")}>
              <Icon name="edit" />
              {t("albums.rename")}
            </button>
            <button type="button" class="menu-entry" onClick={() => setAsks("remove")}>
              <Icon name="remove" />
              {t("albums.remove")}
            </button>
          </Menu>
        )}
      </div>
    </>
  );
  if (isMap)
    return (
      <MapPage
        head={head}
        list={{ album: album.id }}
        at={route.value.query.get("at") ?? undefined}
        moved={(at) => go(address({ view: "map", at }), { replace: true })}
        address={(item) => address({ item: String(item) })}
      />
    );
  return (
    <PhotoList
      source={source}
      intro={<div class="page-head">{head}</div>}
      empty={<Empty icon="albums" title={t("albums.none")} hint={t("albums.noneHint")} />}
      address={(item) => address({ item: item?.toString() })}
      opened={openedItem()}
      metrics={flatMetrics((width) => rowHeightFor(width, 1))}
      album={mayChange && album.query === undefined ? album.id : undefined}
    >
      {asks === "name" && <Rename album={album} close={() => setAsks(undefined)} />}
      {asks === "remove" && (
        <Dialog title={t("albums.remove")} close={() => setAsks(undefined)}>
          <p>{t("albums.removeHint", { name: album.name })}</p>
          <button
            type="button"
            class="button is-primary"
            onClick={() => {
              setAsks(undefined);
              void attempt(() => api.removeAlbum(album.id), t("albums.removed")).then(
                (done) => done && go(href(["albums"]), { replace: true }),
              );
            }}
          >
            {t("albums.remove")}
          </button>
        </Dialog>
      )}
    </PhotoList>
  );
}

function Rename({ album, close }: { album: Album; close: () => void }) {
  const [name, setName] = useState(album.name);
  const [description, setDescription] = useState(album.description ?? "");
  return (
    <Dialog title={t("albums.rename")} close={close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          close();
          void attempt(() =>
            api.changeAlbum(album.id, { name: name.trim(), description: description.trim() }),
          );
        }}
      >
        <label class="field">
          <span>{t("albums.name")}</span>
          <input
            class="input"
            name="name"
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t("info.description")}</span>
          <textarea
            class="input"
            name="description"
            rows={3}
            value={description}
            onInput={(event) => setDescription(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button is-primary">
          {t("edit.save")}
        </button>
      </form>
    </Dialog>
  );
}
