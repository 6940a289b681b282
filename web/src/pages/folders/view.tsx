// Folders as on the NAS: libraries, then their folders, then the photos of one.

import "./folders.css";
import "../../ui/segments.css";
import { useMemo } from "preact/hooks";
import { api, thumbnail } from "../../api/client";
import type { Folder } from "../../api/shapes";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList, rowMetrics } from "../../grid/photo-list";
import { t } from "../../i18n";
import { go, href, openedItem, route } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { listSource } from "../../lib/list";
import { preferences, setPreference } from "../../lib/preferences";
import { me } from "../../lib/session";
import { MapChoice } from "../../map/choice";
import { MapPage } from "../../map/page";
import { Icon, type IconName } from "../../ui/icons";
import { SortMenu } from "../../ui/sort";
import { Empty, FailedPage } from "../../ui/states";
import { Tiles } from "../../ui/tiles";
import { rowsOf } from "./rows";
import { FolderTree } from "./tree";

/** The displayed name of a library. */
export function spaceName(space: { name: string; kind: string }): string {
  return space.kind === "personal" && space.name === me.value?.account.name
    ? t("space.personal")
    : space.name;
}

const SORTS = ["-taken", "taken", "name", "-added", "size", "rating"] as const;

export function FoldersPage() {
  const [, space, ...path] = route.value.segments;
  return (
    <div class="page has-tree">
      <FolderTree space={space} path={path} />
      {space === undefined ? (
        <Libraries />
      ) : (
        <FolderView key={route.value.segments.join("/")} space={space} path={path} />
      )}
    </div>
  );
}

function Libraries() {
  const spaces = me.value?.spaces ?? [];
  return (
    <main class="page is-padded">
      <h1>{t("folders.title")}</h1>
      {spaces.length === 0 && <Empty icon="folder" title={t("folders.none")} hint={t("folders.noneHint")} />}
      <ul class="folder-list">
        {spaces.map((space) => (
          <li key={space.name}>
            <a class="folder-row" href={href(["folders", space.name])}>
              <span class="folder-cover">
                <Icon name={space.kind === "personal" ? "account" : "people"} />
              </span>
              <span class="folder-name">{spaceName(space)}</span>
              <span class="folder-count">
                {t(space.kind === "personal" ? "space.kindPersonal" : "space.kindShared")}
              </span>
            </a>
          </li>
        ))}
      </ul>
    </main>
  );
}

function FolderView({ space, path }: { space: string; path: readonly string[] }) {
  const joined = path.join("/");
  const sort = SORTS.find((s) => s === preferences.value.folder_sort) ?? "-taken";
  const isList = preferences.value.folder_view === "list";
  const {
    answer: folder,
    error,
    retry,
  } = useAnswer((signal) => api.folder(space, joined, signal), [space, joined]);
  const source = useMemo(() => {
    if (!folder) return undefined;
    const list = { space, folder: joined, sort };
    return { ...listSource(list, async () => folder.items), ...(isList ? { rows: rowsOf(list) } : {}) };
  }, [space, joined, sort, isList, folder]);

  if (error !== undefined) return <FailedPage error={error} retry={retry} />;
  if (!folder || !source) return <main class="page" aria-busy="true" />;
  const known = me.value?.spaces.find((s) => s.name === space);
  const trail = [known ? spaceName(known) : space, ...path];
  const segments = ["folders", space, ...path];
  const isMap = route.value.query.get("view") === "map";
  const head = (
    <>
      <nav aria-label={t("folders.trail")}>
        <ol class="trail">
          <li>
            <a href={href(["folders"])}>{t("folders.title")}</a>
          </li>
          {trail.map((name, i) => (
            <li key={name + String(i)}>
              <a
                href={href(["folders", space, ...path.slice(0, i)])}
                aria-current={i === trail.length - 1 ? "page" : undefined}
              >
                {name}
              </a>
            </li>
          ))}
        </ol>
      </nav>
      <div class="tools">
        {!isMap && folder.items > 1 && (
          <SortMenu sorts={SORTS} sort={sort} choose={(s) => setPreference("folder_sort", s)} />
        )}
        {!isMap && folder.items + folder.folders.length > 0 && <ViewSwitch isList={isList} />}
        {folder.items > 0 && <MapChoice address={(view) => href(segments, { view })} isMap={isMap} />}
      </div>
    </>
  );
  if (isMap)
    return (
      <MapPage
        head={head}
        list={{ space, folder: joined }}
        at={route.value.query.get("at") ?? undefined}
        moved={(at) => go(href(segments, { view: "map", at }), { replace: true })}
        address={(item) => href(segments, { item: String(item) })}
      />
    );
  const intro = (
    <>
      <div class="page-head">{head}</div>
      {folder.folders.length > 0 && (
        <SubFolders folders={folder.folders} isList={isList} to={(name) => href([...segments, name])} />
      )}
    </>
  );
  return (
    <PhotoList
      key={`${sort} ${isList}`}
      source={source}
      title={trail[trail.length - 1] ?? ""}
      intro={intro}
      empty={
        folder.folders.length === 0 && (
          <Empty icon="folder" title={t("folders.empty")} hint={t("folders.emptyHint")} />
        )
      }
      address={(item) => href(segments, { item: item?.toString() })}
      opened={openedItem()}
      metrics={isList ? rowMetrics : flatMetrics((width) => rowHeightFor(width, 0.8))}
    />
  );
}

/** Pictures or rows; the choice is remembered. */
function ViewSwitch({ isList }: { isList: boolean }) {
  const choice = (icon: IconName, label: string, isCurrent: boolean, view: "list" | undefined) => (
    <button
      type="button"
      aria-label={label}
      title={label}
      aria-pressed={isCurrent}
      onClick={() => setPreference("folder_view", view)}
    >
      <Icon name={icon} />
    </button>
  );
  return (
    <fieldset class="segments view-switch">
      <legend class="visually-hidden">{t("folders.view")}</legend>
      {choice("grid", t("folders.grid"), !isList, undefined)}
      {choice("list", t("folders.list"), isList, "list")}
    </fieldset>
  );
}

function SubFolders(props: { folders: Folder["folders"]; isList: boolean; to: (name: string) => string }) {
  const { folders, isList, to } = props;
  if (!isList) {
    const tiles = folders.map(({ name, items, cover }) => ({ to: to(name), name, items, cover }));
    return (
      <div class="sub-folders">
        <Tiles tiles={tiles} icon="folder" />
      </div>
    );
  }
  return (
    <ul class="folder-list">
      {folders.map(({ name, items, cover }) => (
        <li key={name}>
          <a class="folder-row" href={to(name)}>
            <span class="folder-cover">
              {cover ? <img alt="" src={thumbnail(cover.id, cover.key, "sm")} /> : <Icon name="folder" />}
            </span>
            <span class="folder-name">{name}</span>
            <span class="folder-count">{t("folders.items", { count: items })}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
