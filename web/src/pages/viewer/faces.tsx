// The faces of an item: boxes over the picture, and a list in the facts. Both open the dialog of a face.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { peopleApi } from "../../api/people";
import type { Item, ItemFace, ItemFaces } from "../../api/shapes";
import { t } from "../../i18n";
import { href } from "../../lib/address";
import { edits } from "../../lib/edits";
import { Face } from "../../ui/face";

const nobody: ItemFaces = { faces: [], rights: { manage: false } };

/** The faces of an item, without what is marked as no face. `isWanted`: they are shown. */
export function useFaces(item: Item | undefined, isWanted: boolean): ItemFaces {
  const [found, setFound] = useState<ItemFaces & { readonly of?: number }>(nobody);
  const id = item?.faces !== undefined && isWanted ? item.id : undefined;
  useEffect(() => {
    if (id === undefined) return;
    const controller = new AbortController();
    peopleApi
      .ofItem(id, controller.signal)
      .then(({ faces, rights }) =>
        setFound({ faces: faces.filter(({ mark }) => mark !== "no_face"), rights, of: id }),
      )
      // Without the right to see people the item has none.
      .catch(() => controller.signal.aborted || setFound(nobody));
    return () => controller.abort();
  }, [id, edits.value]);
  return found.of === id ? found : nobody;
}

/** The name below a face; nothing if it is not known and cannot be given. */
const labelOf = ({ person, mark }: ItemFace, mayEdit: boolean) => {
  if (person?.name !== undefined) return person.name;
  if (mark === "nobody") return t("people.unknown");
  return mayEdit ? t("people.who") : person && t("people.unnamed");
};

/** Boxes over the picture. The viewer moves the frame with the picture. */
export function FaceBoxes(props: {
  frame: RefObject<HTMLDivElement | null>;
  faces: ItemFaces;
  /** Highlighted: the pointer is over it in the list. */
  marked: number | undefined;
  choose: (face: ItemFace) => void;
}) {
  const { frame, faces, marked, choose } = props;
  const { manage } = faces.rights;
  return (
    <div class="face-boxes" ref={frame}>
      {faces.faces.map((face) => {
        const [x = 0, y = 0, width = 0, height = 0] = face.box.map((part) => `${part * 100}%`);
        const label = labelOf(face, manage);
        const shared = {
          class: marked === face.id ? "face-box is-marked" : "face-box",
          style: { left: x, top: y, width, height },
        };
        const text = label && <span>{label}</span>;
        return manage ? (
          <button key={face.id} type="button" {...shared} aria-label={label} onClick={() => choose(face)}>
            {text}
          </button>
        ) : (
          <div key={face.id} {...shared}>
            {text}
          </div>
        );
      })}
    </div>
  );
}

/** The people in the picture, in the facts. Without the right to edit, those who were recognised. */
export function FaceList(props: {
  item: Item;
  faces: ItemFaces;
  choose: (face: ItemFace) => void;
  mark: (face: number | undefined) => void;
}) {
  const { item, faces, choose, mark } = props;
  const { manage } = faces.rights;
  const shown = manage ? faces.faces : faces.faces.filter(({ person }) => person);
  if (shown.length === 0) return null;
  return (
    <section>
      <h3 class="info-label">{t("tab.people")}</h3>
      <ul class="info-faces">
        {shown.map((face) => {
          const content = (
            <>
              <Face item={item.id} version={face.key} box={face.box} />
              <span>{labelOf(face, manage)}</span>
            </>
          );
          return (
            <li key={face.id} onPointerEnter={() => mark(face.id)} onPointerLeave={() => mark(undefined)}>
              {manage ? (
                <button type="button" onClick={() => choose(face)}>
                  {content}
                </button>
              ) : (
                <a href={href(["people", face.person?.id ?? ""])}>{content}</a>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
