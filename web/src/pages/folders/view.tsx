// Folders as they are on the NAS: libraries, then their folders, then the photos of one.

import { useEffect, useState } from "preact/hooks";
import { api, thumbnail } from "../../api/client";
import type { Folder } from "../../api/shapes";
import type { GridColumns } from "../../grid/model";
import { t } from "../../i18n";
import { href, route } from "../../lib/address";
import { me, sessionEnded } from "../../lib/session";
import { Icon } from "../../ui/icons";
import { Empty, Failed } from "../../ui/states";
import { ItemGrid } from "../list/view";

/** The name that a library is shown with. */
export function spaceName(space: { name: string; kind: string }): string {
  return space.kind === "personal" && space.name === me.value?.account.name
    ? t("space.personal")
    : space.name;
}

export function FoldersPage() {
  const [, space, ...path] = route.value.segments;
  if (space === undefined) return <Libraries />;
  return <FolderView key={route.value.segments.join("/")} space={space} path={path} />;
}

function Libraries() {
  const spaces = me.value?.spaces ?? [];
  return (
    <main class="page is-padded">
      <h1>{t("folders.title")}</h1>
      {spaces.length === 0 && <Empty icon="folder" title={t("folders.none")} hint={t("folders.noneHint")} />}
      <ul class="folder-list">
        {spaces.map((space) => (
          <li>
            <a class="folder-row" href={href(["folders", space.name])}>
              <Icon name="folder" />
              <span class="folder-name">{spaceName(space)}</span>
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
  useEffect(() => {
    const controller = new AbortController();
    setError(undefined);
    api
      .folder(space, joined, controller.signal)
      .then(setFolder)
      .catch((e) => controller.signal.aborted || sessionEnded(e) || setError(e));
    return () => controller.abort();
  }, [space, joined, attempt]);

  const known = me.value?.spaces.find((s) => s.name === space);
  const trail = [known ? spaceName(known) : space, ...path];
  return (
    <main class="page is-padded">
      <h1 class="visually-hidden">{trail[trail.length - 1]}</h1>
      <nav aria-label={t("folders.title")}>
        <ol class="trail">
          <li>
            <a href={href(["folders"])}>{t("folders.title")}</a>
          </li>
          {trail.map((name, i) => (
            <li>
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
      {error !== undefined && <Failed error={error} retry={() => setAttempt((n) => n + 1)} />}
      {folder && folder.folders.length === 0 && folder.items === 0 && (
        <Empty icon="folder" title={t("folders.empty")} hint={t("folders.emptyHint")} />
      )}
      <ul class="folder-list">
        {folder?.folders.map((child) => (
          <li>
            <a class="folder-row" href={href(["folders", space, ...path, child.name])}>
              {child.cover ? (
                <img class="folder-cover" alt="" src={thumbnail(child.cover.id, child.cover.key, "sm")} />
              ) : (
                <Icon name="folder" />
              )}
              <span class="folder-name">{child.name}</span>
              <span class="folder-count">{t("folders.items", { count: child.items })}</span>
            </a>
          </li>
        ))}
      </ul>
      {folder && folder.items > 0 && (
        <ItemGrid
          load={(page, signal): Promise<GridColumns & { next?: string }> =>
            api.gridOf({ space, folder: joined }, page, signal)
          }
        />
      )}
    </main>
  );
}
