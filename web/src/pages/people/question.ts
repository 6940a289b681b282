// A question about people in words, and the answers that fit it.

import type { Question, QuestionAnswer } from "../../api/shapes";
import { type Key, t } from "../../i18n";
import type { IconName } from "../../ui/icons";

export interface AnswerButton {
  readonly answer: QuestionAnswer;
  readonly key: string;
  readonly label: Key;
  readonly icon: IconName;
}

const isNamed = ({ person }: Question["a"]) => person?.name !== undefined;

export function titleOf({ kind, a, b }: Question): string {
  if (kind === "is")
    return b.person?.name ? t("questions.is", { name: b.person.name }) : t("questions.isSame");
  const names = [a.person?.name, b.person?.name].filter((name) => name !== undefined);
  const [one, other] = names;
  if (one !== undefined && other !== undefined) return t("questions.sameNamed", { one, other });
  return one === undefined ? t("questions.same") : t("questions.is", { name: one });
}

/** A face can be no face; of two people, those without a name can be hidden. */
export function answersTo(question: Question): readonly AnswerButton[] {
  const answers: AnswerButton[] = [
    { answer: "yes", key: "y", label: "questions.yes", icon: "check" },
    { answer: "no", key: "n", label: "questions.no", icon: "close" },
  ];
  if (question.kind === "is")
    return [
      ...answers,
      { answer: "not_a_face", key: "x", label: "questions.notAFace", icon: "notPerson" },
      { answer: "ignore", key: "i", label: "questions.ignore", icon: "hidden" },
    ];
  if (isNamed(question.a) && isNamed(question.b)) return answers;
  return [...answers, { answer: "ignore", key: "i", label: "questions.hide", icon: "hidden" }];
}

/** The message after an answer. `joined`: faces that got the person as a consequence. */
export function toastOf(answer: QuestionAnswer, { kind, a, b }: Question, joined: number): string {
  const name = b.person?.name ?? a.person?.name ?? t("people.thisPerson");
  const words = (() => {
    switch (answer) {
      case "yes":
        return kind === "is" ? t("people.isNow", { name }) : t("people.mergedUnnamed");
      case "no":
        return t(kind === "is" ? "people.isNot" : "people.areApart", { name });
      case "not_a_face":
        return t("people.noFace");
      case "ignore":
        return t(kind === "is" ? "people.isIgnored" : "questions.hidden");
    }
  })();
  return joined > 0 ? `${words} ${t("people.joined", { count: joined })}` : words;
}
