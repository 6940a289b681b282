// Folders as on the NAS: libraries, then their folders, then the photos of one.

import "./folders.css";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, thumbnail } from "../../api/client";
import type { Folder } from "../../api/shapes";
import { rowHeightFor } from "../../grid/layout";
import { flatMetrics, PhotoList } from "../../grid/photo-list";
import { t } from "../../i18n";
import { go, href, openedItem, route } from "../../lib/address";
import { listSource } from "../../lib/list";
import { preferences, setPreference } from "../../lib/preferences";
import { me, sessionEnded } from "../../lib/session";
import { MapChoice } from "../../map/choice";
import { MapPage } from "../../map/page";
import { Icon } from "../../ui/icons";
import { SortMenu } from "../../ui/sort";
import { Empty, FailedPage } from "../../ui/states";
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
  const [folder, setFolder] = useState<Folder>();
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  const joined = path.join("/");
  const sort = SORTS.find((s) => s === preferences.value.folder_sort) ?? "-taken";
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    api
      .folder(space, joined, controller.signal)
      .then(setFolder)
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [space, joined, attempt]);
  const source = useMemo(
    () => folder && listSource({ space, folder: joined, sort }, async () => folder.items),
    [space, joined, sort, folder],
  );

  if (error !== undefined) return <FailedPage error={error} retry={() => setAttempt((n) => n + 1)} />;
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
      {folder.items > 0 && (
        <div class="tools">
          {!isMap && folder.items > 1 && (
            <SortMenu sorts={SORTS} sort={sort} choose={(s) => setPreference("folder_sort", s)} />
          )}
          <MapChoice address={(view) => href(segments, { view })} isMap={isMap} />
        </div>
      )}
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
        <ul class="folder-list">
          {folder.folders.map((child) => (
            <li key={child.name}>
              <a class="folder-row" href={href([...segments, child.name])}>
                <span class="folder-cover">
                  {child.cover ? (
                    <img alt="" src={thumbnail(child.cover.id, child.cover.key, "sm")} />
                  ) : (
                    <Icon name="folder" />
                  )}
                </span>
                <span class="folder-name">{child.name}</span>
                <span class="folder-count">{t("folders.items", { count: child.items })}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  );
  return (
    <PhotoList
      key={sort}
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
      metrics={flatMetrics((width) => rowHeightFor(width, 0.8))}
    />
  );
}
