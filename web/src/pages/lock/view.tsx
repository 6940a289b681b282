// The lock: the page contains nothing of the library until the password of the account is confirmed.

import "../sign-in/sign-in.css";
import { useRef, useState } from "preact/hooks";
import { ApiError, api } from "../../api/client";
import { t } from "../../i18n";
import { me, sessionEnded, signOut } from "../../lib/session";
import { explain } from "../../ui/states";
import { isLocked } from "./data";

export function Lock() {
  const form = useRef<HTMLFormElement>(null);
  const [message, setMessage] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const account = me.value?.account;
  const unlock = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!form.current) return;
    const data = new FormData(form.current);
    setBusy(true);
    setMessage(undefined);
    try {
      await api.confirm(String(data.get("password") ?? ""), String(data.get("otp") ?? "") || undefined);
      isLocked.value = false;
    } catch (error) {
      const kind = error instanceof ApiError ? error.kind : undefined;
      if (kind === "wrong_password") setMessage(t("lock.wrong"));
      else if (kind === "wrong_code") setMessage(t("signIn.wrongCode"));
      else if (error instanceof ApiError && error.status === 429)
        setMessage(t("signIn.later", { seconds: error.retryAfter ?? 60 }));
      else if (!sessionEnded(error)) setMessage(explain(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form class="sign-in-card" ref={form} onSubmit={unlock}>
        <div class="brand">
          <span class="brand-mark" aria-hidden="true" />
          {t("app.name")}
        </div>
        <h1>{t("lock.title")}</h1>
        <p>{t("lock.hint", { name: account?.display_name || account?.name || "" })}</p>
        <input hidden name="account" autocomplete="username" value={account?.name} readOnly />
        <label class="field">
          <span>{t("signIn.password")}</span>
          <input class="input" name="password" type="password" required autocomplete="current-password" />
        </label>
        {account?.second_factor && (
          <label class="field">
            <span>{t("signIn.otp")}</span>
            <input class="input" name="otp" inputMode="numeric" autocomplete="one-time-code" />
          </label>
        )}
        {message && (
          <p class="message is-error" role="alert">
            {message}
          </p>
        )}
        <button class="button is-primary" type="submit" disabled={isBusy}>
          {t("lock.unlock")}
        </button>
        <button class="button" type="button" onClick={() => void signOut()}>
          {t("account.signOut")}
        </button>
      </form>
    </main>
  );
}
