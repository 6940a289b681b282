// The tree of folders beside the photos, on wide screens: the path to the current folder is open.

import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Folder } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { me, sessionEnded } from "../../lib/session";
import { Icon } from "../../ui/icons";
import { explain } from "../../ui/states";
import { announce } from "../../ui/toast";
import { spaceName } from "./view";

export function FolderTree({ space, path }: { space: string | undefined; path: readonly string[] }) {
  return (
    <nav class="folder-tree" aria-label={t("folders.tree")}>
      <ul>
        {me.value?.spaces.map((s) => (
          <Branch
            key={s.name}
            space={s.name}
            path={[]}
            name={spaceName(s)}
            shown={s.name === space ? path : undefined}
          />
        ))}
      </ul>
    </nav>
  );
}

/** `shown`: the path from this folder to the current one; absent if it is not below this one. */
function Branch(props: {
  space: string;
  path: readonly string[];
  name: string;
  shown: readonly string[] | undefined;
}) {
  const { space, path, name, shown } = props;
  const [isOpen, setOpen] = useState(false);
  const [folders, setFolders] = useState<Folder["folders"]>();
  const isOnTheWay = shown !== undefined;
  const joined = path.join("/");
  useEffect(() => {
    if (isOnTheWay) setOpen(true);
  }, [isOnTheWay]);
  useEffect(() => {
    if (!isOpen || folders) return;
    const controller = new AbortController();
    api
      .folder(space, joined, controller.signal)
      .then((folder) => setFolders(folder.folders))
      .catch((e) => controller.signal.aborted || sessionEnded(e) || announce(explain(e)));
    return () => controller.abort();
  }, [isOpen, space, joined]);
  const isLeaf = folders?.length === 0;
  return (
    <li>
      <div class="branch">
        <button
          type="button"
          class={isOpen ? "icon-button is-open" : "icon-button"}
          aria-label={t(isOpen ? "folders.fold" : "folders.unfold", { name })}
          aria-expanded={isOpen}
          disabled={isLeaf}
          onClick={() => setOpen(!isOpen)}
        >
          {!isLeaf && <Icon name="forward" flip />}
        </button>
        <a href={href(["folders", space, ...path])} aria-current={shown?.length === 0 ? "page" : undefined}>
          {name}
        </a>
      </div>
      {isOpen && folders && folders.length > 0 && (
        <ul>
          {folders.map((child) => (
            <Branch
              key={child.name}
              space={space}
              path={[...path, child.name]}
              name={child.name}
              shown={shown?.[0] === child.name ? shown.slice(1) : undefined}
            />
          ))}
        </ul>
      )}
    </li>
  );
}
