// A face of a photo: who it is, corrections, and why.

import { useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { ItemFace, PeopleEdited } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { useAnswer } from "../../lib/answer";
import { undoable } from "../../lib/edits";
import { Dialog } from "../../ui/dialog";
import { Face } from "../../ui/face";
import { Icon, type IconName } from "../../ui/icons";
import { Failed } from "../../ui/states";
import "../people/people.css";
import { type NameChoice, NameField } from "../people/name-field";
import { reasons } from "./why";

/** Similar faces that are shown with the reasons. */
const EXEMPLARS = 4;

export interface FaceProps {
  face: ItemFace;
  /** The space of the photo. */
  space: string;
  close: () => void;
}

export function FaceDialog({ face, space, close }: FaceProps) {
  const { id, person, mark } = face;
  const name = person?.name ?? t("people.thisPerson");
  const run = (ask: () => Promise<PeopleEdited>, words: (answer: PeopleEdited) => string) => {
    close();
    void undoable(async (did) => did(await ask()), words);
  };
  const assign = (choice: NameChoice) => {
    const [to, called] =
      "person" in choice ? [choice.person.id, choice.person.name ?? name] : [choice.name, choice.name];
    run(
      () => peopleApi.assign(id, to),
      ({ joined = 0, left = [] }) =>
        [
          t("people.isNow", { name: called }),
          joined > 0 && t("people.joined", { count: joined }),
          left.length > 0 && t("people.leftInPhoto", { name: called }),
        ]
          .filter((part) => part)
          .join(" "),
    );
  };
  const entry = (icon: IconName, label: string, act: () => void) => (
    <button type="button" class="menu-entry" onClick={act}>
      <Icon name={icon} />
      {label}
    </button>
  );
  return (
    <Dialog title={person?.name ?? t("people.who")} close={close}>
      <div class="face-card">
        <Face item={face.item} version={face.key} box={face.box} size="xl" />
        <NameField
          space={space}
          label={t(person?.name === undefined ? "people.who" : "people.someoneElse")}
          except={person?.id}
          hasFocus
          choose={assign}
        />
      </div>
      <div class="face-actions">
        {person && (
          <a class="menu-entry" href={href(["people", person.id])}>
            <Icon name="photos" />
            {t("people.allPhotos", { name })}
          </a>
        )}
        {person &&
          entry("notPerson", t("people.notThis", { name }), () =>
            run(
              () => peopleApi.reject(id, person.id),
              () => t("people.isNot", { name }),
            ),
          )}
        {mark !== "nobody" &&
          !person &&
          entry("hidden", t("people.markNobody"), () =>
            run(
              () => peopleApi.mark(id, "nobody"),
              () => t("people.isIgnored"),
            ),
          )}
        {entry("close", t("questions.notAFace"), () =>
          run(
            () => peopleApi.mark(id, "no_face"),
            () => t("people.noFace"),
          ),
        )}
      </div>
      <Reasons face={id} />
    </Dialog>
  );
}

/** Why the face has its person, or none: asked when it is opened. */
function Reasons({ face }: { face: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="face-why" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("why.title")}</summary>
      {isOpen && <ReasonList face={face} />}
    </details>
  );
}

function ReasonList({ face }: { face: number }) {
  const { answer, error, retry } = useAnswer((signal) => peopleApi.why(face, signal), [face]);
  if (error !== undefined) return <Failed error={error} retry={retry} />;
  if (!answer) return null;
  const similar = answer.candidates[0]?.exemplars.slice(0, EXEMPLARS) ?? [];
  return (
    <>
      {reasons(answer).map((text) => (
        <p key={text}>{text}</p>
      ))}
      {similar.length > 0 && (
        <ul class="people-row" aria-label={t("why.similar")}>
          {similar.map(({ face: { id, item, key, box } }) => (
            <li key={id}>
              <span class="person-face">
                <Face item={item} version={key} box={box} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
