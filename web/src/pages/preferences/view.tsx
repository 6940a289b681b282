// Preferences of the account: appearance, language, lock.

import "./preferences.css";
import { api } from "../../api/client";
import { languages, t, use } from "../../i18n";
import { preferences, setPreference } from "../../lib/preferences";
import { me, sessionEnded, type Theme, theme } from "../../lib/session";
import { Icon } from "../../ui/icons";
import { explain } from "../../ui/states";
import { announce } from "../../ui/toast";
import { spaceName } from "../folders/view";
import { lockNow } from "../lock/data";

/** Minutes without use until the application locks. */
const LOCKS = [1, 5, 15, 60] as const;

export function PreferencesPage() {
  const account = me.value?.account;
  const minutes = preferences.value.lock_minutes;
  const chooseLanguage = async (language: string) => {
    void use(language === "" ? navigator.languages : [language, ...navigator.languages]);
    try {
      await api.setLanguage(language);
    } catch (e) {
      if (!sessionEnded(e)) announce(explain(e));
    }
  };
  const forget = async () => {
    try {
      await api.forgetSearches();
      announce(t("preferences.forgotten"));
    } catch (e) {
      if (!sessionEnded(e)) announce(explain(e));
    }
  };
  return (
    <main class="page is-padded">
      <h1>{t("preferences.title")}</h1>
      <div class="settings">
        <section class="setting">
          <h2>{t("preferences.display")}</h2>
          <label class="field">
            <span>{t("theme.label")}</span>
            <select
              class="input"
              name="theme"
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
          <label class="field">
            <span>{t("preferences.language")}</span>
            <select
              class="input"
              name="language"
              value={account?.language ?? ""}
              onChange={(event) => void chooseLanguage(event.currentTarget.value)}
            >
              <option value="">{t("preferences.languageSystem")}</option>
              {languages.map(([tag, name]) => (
                <option key={tag} value={tag} lang={tag}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </section>
        <section class="setting">
          <h2>{t("preferences.privacy")}</h2>
          <label class="field">
            <span>{t("preferences.lock")}</span>
            <select
              class="input"
              name="lock"
              value={minutes === undefined ? "" : String(minutes)}
              onChange={(event) => {
                const { value } = event.currentTarget;
                setPreference("lock_minutes", value === "" ? undefined : Number(value));
              }}
            >
              <option value="">{t("preferences.lockNever")}</option>
              {LOCKS.map((n) => (
                <option key={n} value={n}>
                  {t("preferences.lockMinutes", { count: n })}
                </option>
              ))}
            </select>
            <small>{t("preferences.lockHint")}</small>
          </label>
          {minutes !== undefined && (
            <button type="button" class="button" onClick={lockNow}>
              {t("preferences.lockNow")}
            </button>
          )}
          <div class="field">
            <span>{t("preferences.searches")}</span>
            <button type="button" class="button" onClick={() => void forget()}>
              {t("preferences.forget")}
            </button>
          </div>
        </section>
        <section class="setting">
          <h2>{t("preferences.libraries")}</h2>
          <ul>
            {me.value?.spaces.map((space) => (
              <li key={space.name}>
                <Icon name={space.kind === "personal" ? "account" : "people"} />
                {spaceName(space)}
                <small>
                  {t(space.rights.includes("manage") ? "preferences.mayChange" : "preferences.mayView")}
                </small>
              </li>
            ))}
          </ul>
        </section>
      </div>
    </main>
  );
}
