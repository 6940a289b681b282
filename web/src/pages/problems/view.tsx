// Files that could not be read or rendered, each with the reason and the remedy.

import "./problems.css";
import { api } from "../../api/client";
import type { Failure } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { Empty, Failed } from "../../ui/states";

/** The list has several pages on the portal; they are read one after the other. */
async function allFailures(signal: AbortSignal): Promise<readonly Failure[]> {
  const all: Failure[] = [];
  let after: string | undefined;
  do {
    const { failures, folders, next } = await api.failures(after, signal);
    all.push(...folders, ...failures);
    after = next;
  } while (after !== undefined && all.length < MOST);
  return all;
}

/** More are never repaired from a list. */
const MOST = 2000;

export function ProblemsPage() {
  const { answer: failures, error, retry } = useAnswer(allFailures, []);
  return (
    <main class="page is-padded">
      <h1>{t("problems.title")}</h1>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {failures?.length === 0 && (
        <Empty icon="check" title={t("problems.empty")} hint={t("problems.emptyHint")} />
      )}
      {failures && failures.length > 0 && <p class="problems-hint">{t("problems.hint")}</p>}
      <ul class="problems">
        {failures?.map((failure) => {
          const folder = failure.folder.split("/").filter((part) => part !== "");
          return (
            <li key={`${failure.id} ${failure.stage} ${failure.folder}`}>
              <strong>{failure.name ?? folder[folder.length - 1] ?? failure.space}</strong>
              <span>{failure.reason}</span>
              {failure.advice && <small>{failure.advice}</small>}
              <a href={href(["folders", failure.space, ...folder])}>
                {[failure.space, ...folder].join(" / ")}
              </a>
            </li>
          );
        })}
      </ul>
    </main>
  );
}
