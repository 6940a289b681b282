// Sign in with account and password, and the code of the authenticator app if the account has one.

import "./sign-in.css";
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { t } from "../../i18n";
import { signIn } from "../../lib/session";
import { explain } from "../../ui/states";

export function SignIn() {
  const form = useRef<HTMLFormElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [needsOtp, setNeedsOtp] = useState(false);
  const [message, setMessage] = useState<string>();

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!form.current) return;
    const data = new FormData(form.current);
    const text = (name: string) => String(data.get(name) ?? "");
    setBusy(true);
    setMessage(undefined);
    try {
      await signIn(text("account"), text("password"), data.has("remember"), text("otp") || undefined);
    } catch (error) {
      const kind = error instanceof ApiError ? error.kind : undefined;
      if (kind === "code_needed") {
        setNeedsOtp(true);
        setMessage(t("signIn.otpNeeded"));
      } else if (kind === "wrong_password") setMessage(t("signIn.wrong"));
      else if (kind === "wrong_code") setMessage(t("signIn.wrongCode"));
      else if (error instanceof ApiError && error.status === 429)
        setMessage(t("signIn.later", { seconds: error.retryAfter ?? 60 }));
      else setMessage(explain(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <main class="sign-in">
      <form class="sign-in-card" ref={form} onSubmit={submit}>
        <div class="brand">
          <span class="brand-mark" aria-hidden="true" />
          {t("app.name")}
        </div>
        <h1>{t("signIn.title")}</h1>
        <label class="field">
          <span>{t("signIn.account")}</span>
          <input
            class="input"
            name="account"
            required
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
          />
        </label>
        <label class="field">
          <span>{t("signIn.password")}</span>
          <input class="input" name="password" type="password" required autocomplete="current-password" />
        </label>
        {needsOtp && (
          <label class="field">
            <span>{t("signIn.otp")}</span>
            <input class="input" name="otp" inputMode="numeric" autocomplete="one-time-code" />
          </label>
        )}
        <label class="check">
          <input type="checkbox" name="remember" />
          {t("signIn.remember")}
        </label>
        {message && (
          <p class="message is-error" role="alert">
            {message}
          </p>
        )}
        <button class="button is-primary" type="submit" disabled={isBusy}>
          {t("signIn.submit")}
        </button>
      </form>
    </main>
  );
}
