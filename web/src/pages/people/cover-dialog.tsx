// The cover of a person: one of the faces, the best first.

import { peopleApi } from "../../api/people";
import type { Person } from "../../api/shapes";
import { t } from "../../i18n";
import { useAnswer } from "../../lib/answer";
import { undoable } from "../../lib/edits";
import { Dialog } from "../../ui/dialog";
import { Face } from "../../ui/face";
import { Failed } from "../../ui/states";

/** Faces to choose from. */
const MOST = 100;

export function CoverDialog({ person, close }: { person: Person; close: () => void }) {
  const { answer, error, retry } = useAnswer(
    (signal) => peopleApi.faces(person.id, { limit: MOST }, signal),
    [person.id],
  );
  const choose = (cover: number) => {
    close();
    void undoable(
      async (did) => did(await peopleApi.change(person.id, { cover })),
      () => t("people.coverChanged"),
    );
  };
  return (
    <Dialog title={t("people.cover")} close={close} isWide>
      {error !== undefined && <Failed error={error} retry={retry} />}
      <ul class="cover-choice">
        {answer?.faces.map(({ id, item, key, box }, i) => (
          <li key={id}>
            <button
              type="button"
              aria-label={t("people.face", { number: i + 1 })}
              aria-pressed={person.cover?.face === id}
              onClick={() => choose(id)}
            >
              <Face item={item} version={key} box={box} />
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
