// Questions about people, one by one: is this face the person, are these two one person? Answered by buttons or keys.

import { useEffect, useRef, useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { Question, QuestionAnswer, QuestionSide } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { edits, undoable } from "../../lib/edits";
import { Face } from "../../ui/face";
import { Icon } from "../../ui/icons";
import { Empty, Failed } from "../../ui/states";
import { nameOf } from "./data";
import { answersTo, titleOf, toastOf } from "./question";

/** Questions in one response. */
const MOST = 50;

export function QuestionsPage({ space }: { space: string | undefined }) {
  const { answer, error, retry } = useAnswer(
    (signal) => peopleApi.questions({ space, limit: MOST }, signal),
    [space, edits.value],
  );
  // Answered ones are left out until the next response, which no longer has them.
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const sending = useRef(new Set<string>());
  useEffect(() => setGone(new Set(sending.current)), [answer]);
  const waiting = answer?.questions.filter(({ question }) => !gone.has(question)) ?? [];
  const current = waiting[0];

  const reply = async (asked: Question, given: QuestionAnswer) => {
    sending.current.add(asked.question);
    setGone((old) => new Set([...old, asked.question]));
    const done = await undoable(
      async (did) => did(await peopleApi.answer(asked.question, given)),
      ({ joined = 0 }) => toastOf(given, asked, joined),
    );
    sending.current.delete(asked.question);
    // An earlier answer may have settled it; otherwise it appears again.
    if (!done) retry();
  };
  const latest = useRef({ current, reply });
  latest.current = { current, reply };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
      if ((event.target as HTMLElement).closest?.("input, textarea, select, dialog")) return;
      const { current, reply } = latest.current;
      const found = current && answersTo(current).find(({ key }) => key === event.key.toLowerCase());
      if (!current || !found) return;
      event.preventDefault();
      void reply(current, found.answer);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  return (
    <main class="page is-padded">
      <div class="page-head">
        <a class="icon-button" href={href(["people"], { space })} aria-label={t("people.back")}>
          <Icon name="back" flip />
        </a>
        <h1>{t("questions.title")}</h1>
        {waiting.length > 0 && waiting.length < MOST && (
          <span class="count" role="status">
            {t("questions.left", { count: waiting.length })}
          </span>
        )}
      </div>
      {error !== undefined && <Failed error={error} retry={retry} />}
      {answer && !current && error === undefined && (
        <>
          <Empty icon="check" title={t("questions.empty")} hint={t("questions.emptyHint")} />
          <a class="button is-centred" href={href(["people"], { space })}>
            {t("people.back")}
          </a>
        </>
      )}
      {current && (
        <section class="question" key={current.question} aria-labelledby="question-title">
          <h2 id="question-title" aria-live="polite">
            {titleOf(current)}
          </h2>
          <div class="question-sides">
            <Side side={current.a} />
            <Side side={current.b} />
          </div>
          <div class="question-answers">
            {answersTo(current).map(({ answer, key, label, icon }) => (
              <button
                key={answer}
                type="button"
                class={answer === "yes" ? "button is-primary" : "button"}
                aria-keyshortcuts={key}
                onClick={() => void reply(current, answer)}
              >
                <Icon name={icon} />
                {t(label)}
                <kbd>{key.toUpperCase()}</kbd>
              </button>
            ))}
          </div>
        </section>
      )}
    </main>
  );
}

/** A face, and below it who it is. */
function Side({ side }: { side: QuestionSide }) {
  const { face, person, items } = side;
  return (
    <figure class="question-side">
      <a href={href(["photos", "item", face.item])} data-enter aria-label={t("questions.photo")}>
        <Face item={face.item} version={face.key} box={face.box} size="xl" />
      </a>
      <figcaption>
        {person ? <a href={href(["people", person.id])}>{nameOf(person)}</a> : t("questions.newFace")}
        {items !== undefined && <small>{t("folders.items", { count: items })}</small>}
      </figcaption>
    </figure>
  );
}
