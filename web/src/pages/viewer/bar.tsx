// The bar of the viewer: above the picture on a screen, below it on a phone.

import type { Item } from "../../api/shapes";
import { language, t } from "../../i18n";
import { momentInWords } from "../../lib/dates";
import { canShare } from "../../lib/files";
import { Icon, type IconName } from "../../ui/icons";
import { Menu } from "../../ui/menu";
import { hasClip } from "./motion";
import type { ViewerActions } from "./view";

export function Bar(props: {
  item: Item | undefined;
  actions: ViewerActions;
  mode: string | undefined;
  showsFaces: boolean;
}) {
  const { item, actions, mode, showsFaces } = props;
  const button = (icon: IconName, label: string, run: () => unknown, pressed?: boolean) => (
    <button
      type="button"
      class={pressed ? "icon-button is-pressed" : "icon-button"}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={run}
    >
      <Icon name={icon} flip={icon === "back"} />
    </button>
  );
  const entry = (icon: IconName, label: string, run: () => unknown) => (
    <button type="button" class="menu-entry" onClick={run}>
      <Icon name={icon} />
      {label}
    </button>
  );
  const isPhoto = item?.kind === "photo";
  return (
    <div class="viewer-bar">
      <div class="viewer-bar-top">
        {button("back", t("viewer.close"), actions.close)}
        <p class="viewer-title">
          {item?.title && <strong>{item.title}</strong>}
          <span>{item?.taken ? momentInWords(item.taken.local, language.value) : item?.name}</span>
        </p>
      </div>
      <div class="viewer-bar-actions">
        {item?.pano && button("sphere", t("viewer.panorama"), actions.panorama, mode === "panorama")}
        {item && hasClip(item) && button("motion", t("viewer.clip"), actions.clip, mode === "clip")}
        {item && canShare() && button("share", t("viewer.share"), actions.share)}
        {item?.faces &&
          item.faces.length > 0 &&
          button("faces", t("viewer.faces"), actions.faces, showsFaces)}
        {item && button("heart", t("edit.favourite"), actions.favourite, item.favourite === true)}
        {isPhoto && <span class="is-wide">{button("zoom", t("viewer.zoom"), actions.zoom)}</span>}
        {button("info", t("viewer.info"), actions.info)}
        <Menu label={t("viewer.more")} icon="more">
          {entry("play", t("viewer.slideshow"), actions.slideshow)}
          {item?.rights.includes("download") && entry("download", t("viewer.download"), actions.download)}
          {isPhoto && entry("print", t("viewer.print"), actions.print)}
          {document.fullscreenEnabled && entry("expand", t("viewer.fullScreen"), actions.fullScreen)}
          {entry("keys", t("keys.title"), actions.keys)}
        </Menu>
      </div>
    </div>
  );
}
