// Placeholders of a page: empty, failed.

import { ApiError } from "../api/client";
import { type Key, t } from "../i18n";
import { Icon, type IconName } from "./icons";

export function Empty(props: { icon: IconName; title: string; hint: string }) {
  return (
    <div class="empty">
      <Icon name={props.icon} />
      <h2>{props.title}</h2>
      <p>{props.hint}</p>
    </div>
  );
}

/** Why an edit of people is not possible, by the kind of the problem. */
const conflicts: Record<string, Key> = {
  apart: "error.apart",
  rejected: "error.rejected",
  later_edit: "error.laterEdit",
  several_people: "error.severalPeople",
};

/** The cause of an error and the next step, in the user's language. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t("error.other", { status: "-" });
  const keys: Record<number, Key> = {
    0: "error.unreachable",
    404: "error.notFound",
    429: "error.busy",
    503: "error.busy",
  };
  const key = keys[error.status];
  if (key) return t(key);
  const known = error.kind === undefined ? undefined : conflicts[error.kind];
  if (known) return t(known);
  // They describe the error in the user's input, or why an edit is not possible, in the portal's words.
  if ((error.status === 400 || error.status === 409) && error.detail) return error.detail;
  return t("error.other", { status: String(error.status) });
}

/** A page that could not be loaded. */
export function FailedPage(props: { error: unknown; retry: () => void }) {
  return (
    <main class="page">
      <Failed {...props} />
    </main>
  );
}

export function Failed(props: { error: unknown; retry: () => void }) {
  return (
    <div class="empty" role="alert">
      <Icon name="warning" />
      <h2>{t("error.title")}</h2>
      <p>{explain(props.error)}</p>
      <button type="button" class="button" onClick={props.retry}>
        {t("error.retry")}
      </button>
    </div>
  );
}
