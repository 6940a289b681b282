// The bar at the top: search, library switcher, account; and the tabs, at the bottom on a phone.

import { useEffect, useState } from "preact/hooks";
import { type Key, t } from "./i18n";
import { go, href, route } from "./lib/address";
import { me, signOut, type Theme, theme } from "./lib/session";
import { spaceName } from "./pages/folders/view";
import { Icon, type IconName } from "./ui/icons";
import { Menu } from "./ui/menu";

const tabs: readonly { path: string; label: Key; icon: IconName }[] = [
  { path: "photos", label: "tab.photos", icon: "photos" },
  { path: "folders", label: "tab.folders", icon: "folder" },
  { path: "people", label: "tab.people", icon: "people" },
];

export function AppBar() {
  const current = route.value.segments[0];
  const space = route.value.query.get("space") ?? undefined;
  return (
    <>
      <header class="app-bar">
        <a class="brand" href={href(["photos"])}>
          <span class="brand-mark" aria-hidden="true" />
          <span class="brand-name">{t("app.name")}</span>
        </a>
        <SearchBox />
        <AccountMenu />
      </header>
      <nav class="tabs" aria-label={t("nav.main")}>
        {tabs.map(({ path, label, icon }) => (
          <a
            class="tab"
            href={href([path], path === "folders" ? {} : { space })}
            aria-current={path === current ? "page" : undefined}
          >
            <Icon name={icon} />
            <span>{t(label)}</span>
          </a>
        ))}
      </nav>
    </>
  );
}

function SearchBox() {
  const asked = route.value.query.get("q") ?? "";
  const space = route.value.query.get("space") ?? undefined;
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked]);
  const find = (q: string) => go(href(["photos"], { space, q: q.trim() }));
  return (
    <search class="search-area">
      <form
        class="search"
        onSubmit={(event) => {
          event.preventDefault();
          find(text);
        }}
      >
        <Icon name="search" />
        <input
          class="search-input"
          type="search"
          enterkeyhint="search"
          aria-label={t("search.label")}
          placeholder={t("search.placeholder")}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {text !== "" && (
          <button
            type="button"
            class="icon-button"
            aria-label={t("search.clear")}
            onClick={() => {
              setText("");
              if (asked !== "") find("");
            }}
          >
            <Icon name="close" />
          </button>
        )}
      </form>
    </search>
  );
}

function AccountMenu() {
  const account = me.value?.account;
  const spaces = me.value?.spaces ?? [];
  const space = route.value.query.get("space") ?? "";
  const q = route.value.query.get("q") ?? undefined;
  const [first = "photos"] = route.value.segments;
  if (!account) return null;
  return (
    <Menu label={t("account.menu", { name: account.display_name || account.name })} icon="account">
      <strong>{account.display_name || account.name}</strong>
      {spaces.length > 1 && (
        <label class="field">
          <span>{t("space.label")}</span>
          <select
            class="input"
            value={space}
            onChange={(event) =>
              go(href([first === "people" ? "people" : "photos"], { space: event.currentTarget.value, q }))
            }
          >
            <option value="">{t("space.all")}</option>
            {spaces.map((s) => (
              <option value={s.name}>{spaceName(s)}</option>
            ))}
          </select>
        </label>
      )}
      <label class="field">
        <span>{t("theme.label")}</span>
        <select
          class="input"
          value={theme.value}
          onChange={(event) => {
            theme.value = event.currentTarget.value as Theme;
          }}
        >
          <option value="system">{t("theme.system")}</option>
          <option value="light">{t("theme.light")}</option>
          <option value="dark">{t("theme.dark")}</option>
        </select>
      </label>
      <button type="button" class="button" onClick={() => void signOut()}>
        {t("account.signOut")}
      </button>
    </Menu>
  );
}
