// Why a face has its person, or none, in words.

import type { Why } from "../../api/shapes";
import { language, t } from "../../i18n";

/** A cosine, as `62 %`. */
const percent = (value: number) =>
  new Intl.NumberFormat(language.value, { style: "percent" }).format(Math.max(0, value));

const nameOf = (person: { readonly name?: string } | undefined) => person?.name ?? t("why.unnamed");

/** Sentences, the decisive one first. */
export function reasons(why: Why): string[] {
  const { face, candidates, rejected, in_photo: inPhoto } = why;
  const name = nameOf(face.person);
  const nearest = candidates[0];
  const texts: string[] = [];
  if (face.mark === "nobody") texts.push(t("why.nobody"));
  else if (face.person && face.assigned_by === "edit") texts.push(t("why.edit", { name }));
  else if (face.person && (face.assigned_by === "file" || face.assigned_by === "sidecar"))
    texts.push(t(`why.${face.assigned_by}`, { name }));
  else if (face.person) {
    const { similarity = nearest?.similarity, required = nearest?.required } = why;
    texts.push(
      similarity === undefined || required === undefined
        ? t("why.machine", { name })
        : t("why.similarity", { name, similarity: percent(similarity), required: percent(required) }),
    );
  } else if (nearest) {
    const { similarity, required } = nearest;
    const values = {
      name: nameOf(nearest.person),
      similarity: percent(similarity),
      required: percent(required),
    };
    texts.push(t(similarity < required ? "why.nearest" : "why.held", values));
  } else texts.push(t("why.none"));
  const others = (people: Why["rejected"]) => people.filter(({ id }) => id !== face.person?.id);
  for (const person of others(rejected)) texts.push(t("why.rejected", { name: nameOf(person) }));
  for (const person of others(inPhoto)) texts.push(t("why.inPhoto", { name: nameOf(person) }));
  return [...new Set(texts)];
}
