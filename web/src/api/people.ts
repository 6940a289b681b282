// Requests about people and faces. Edits need the right to manage the whole space; their responses can be undone.

import { change, get } from "./client";
import type {
  ItemFaces,
  People,
  PeopleEdited,
  PersonChange,
  PersonDetails,
  PersonFaces,
  Question,
  QuestionAnswer,
  Why,
} from "./shapes";

export interface PeopleQuery {
  readonly space?: string | undefined;
  /** Include hidden people. */
  readonly hidden?: boolean;
  /** The beginning of a word of the name. */
  readonly q?: string;
  readonly limit?: number;
}

const edited = (path: string, body: unknown) => change<PeopleEdited>("POST", path, body);

export const peopleApi = {
  list: ({ hidden, ...query }: PeopleQuery, signal?: AbortSignal) =>
    get<People>("people", { ...query, hidden: hidden ? "true" : undefined }, signal),
  person: (id: string, signal?: AbortSignal) => get<PersonDetails>(`people/${id}`, undefined, signal),
  /** The faces of a person, the best first. */
  faces: (id: string, page: { limit: number; after?: string | undefined }, signal?: AbortSignal) =>
    get<PersonFaces>(`people/${id}/faces`, { ...page }, signal),
  change: (id: string, what: PersonChange) => change<PeopleEdited>("PATCH", `people/${id}`, what),
  /** `also`: although two of them are in one photo. */
  merge: (people: readonly string[], also: boolean) =>
    edited("people/merge", { people, ...(also ? { also } : {}) }),
  questions: (query: { space?: string | undefined; limit: number }, signal?: AbortSignal) =>
    get<{ questions: readonly Question[] }>("people/questions", query, signal),
  answer: (question: string, answer: QuestionAnswer) => edited("people/answer", { question, answer }),
  ofItem: (item: number, signal?: AbortSignal) => get<ItemFaces>(`items/${item}/faces`, undefined, signal),
  /** `person`: an id, or a name in the space of the face. */
  assign: (face: number, person: string) => edited(`faces/${face}/assign`, { person }),
  /** The face is not the person. */
  reject: (face: number, person: string) => edited(`faces/${face}/reject`, { person }),
  mark: (face: number, mark: "no_face" | "nobody" | null) => edited(`faces/${face}/mark`, { mark }),
  why: (face: number, signal?: AbortSignal) => get<Why>(`faces/${face}/why`, undefined, signal),
};
