// The bar at the top: search and account; and the tabs, at the bottom on a phone.

import "./app-bar.css";
import { t } from "./i18n";
import { go, href, route } from "./lib/address";
import { type Progress, progress } from "./lib/events";
import { me, signOut } from "./lib/session";
import { collections, type Destination, tabs } from "./navigation";
import { spaceName } from "./pages/folders/view";
import { SearchBox } from "./pages/search/box";
import { Icon } from "./ui/icons";
import { Menu } from "./ui/menu";

export function AppBar() {
  return (
    <>
      <header class="app-bar">
        <a class="brand" href={href(["photos"])} aria-label={t("app.name")}>
          <span class="brand-mark" aria-hidden="true" />
          <span class="brand-name">{t("app.name")}</span>
        </a>
        <SearchBox />
        <AccountMenu />
      </header>
      <nav class="tabs" aria-label={t("nav.main")}>
        {tabs.map((tab) => (
          <Tab key={tab.path} tab={tab} />
        ))}
        <span class="tabs-line" />
        {collections.map((tab) => (
          <Tab key={tab.path} tab={tab} isCollection />
        ))}
      </nav>
    </>
  );
}

function Tab({ tab, isCollection }: { tab: Destination; isCollection?: boolean }) {
  const current = route.value.segments[0] ?? "";
  const space = route.value.query.get("space") ?? undefined;
  const isCurrent = tab.path === current;
  // On a phone the collections are reached from the third tab.
  const holdsCurrent = tab.path === "albums" && collections.some(({ path }) => path === current);
  const classes = ["tab", isCollection && "is-collection", holdsCurrent && "holds-current"];
  return (
    <a
      class={classes.filter((c) => c).join(" ")}
      href={href([tab.path], tab.path === "folders" ? {} : { space })}
      aria-current={isCurrent ? "page" : undefined}
    >
      <Icon name={tab.icon} />
      <span>{t(tab.label)}</span>
    </a>
  );
}

/** Pages that show all libraries or one of them. */
const SPACED = new Set(["photos", ...collections.map(({ path }) => path)]);

function AccountMenu() {
  const account = me.value?.account;
  const spaces = me.value?.spaces ?? [];
  const space = route.value.query.get("space") ?? "";
  const q = route.value.query.get("q") ?? undefined;
  const [first = "photos"] = route.value.segments;
  if (!account) return null;
  const name = account.display_name || account.name;
  return (
    <Menu
      label={[t("account.menu", { name }), progress.value && t("progress.working")]
        .filter((part) => part)
        .join(", ")}
      icon="account"
      isMarked={progress.value !== undefined}
    >
      <strong class="menu-title">{name}</strong>
      {progress.value && <Indexing done={progress.value} />}
      {spaces.length > 1 && (
        <label class="field menu-field">
          <span>{t("space.label")}</span>
          <select
            class="input"
            value={space}
            onChange={(event) =>
              go(href([SPACED.has(first) ? first : "photos"], { space: event.currentTarget.value, q }))
            }
          >
            <option value="">{t("space.all")}</option>
            {spaces.map((s) => (
              <option key={s.name} value={s.name}>
                {spaceName(s)}
              </option>
            ))}
          </select>
        </label>
      )}
      <a class="menu-entry" href={href(["problems"])}>
        <Icon name="warning" />
        {t("problems.title")}
      </a>
      <a class="menu-entry" href={href(["preferences"])}>
        <Icon name="settings" />
        {t("preferences.title")}
      </a>
      <button type="button" class="menu-entry is-sign-out" onClick={() => void signOut()}>
        <Icon name="back" flip />
        {t("account.signOut")}
      </button>
    </Menu>
  );
}

function Indexing({ done }: { done: Progress }) {
  const parts = [
    t("progress.developed", { count: done.developed }),
    done.recognised > 0 && t("progress.recognised", { count: done.recognised }),
    done.failed > 0 && t("progress.failed", { count: done.failed }),
  ];
  return (
    <p class="indexing">
      <strong>{t("progress.working")}</strong>
      {parts.filter((part) => part).join(" · ")}
    </p>
  );
}
