// Shapes of responses, by the names that the application uses. `npm run types` generates types.ts from
// docs/portal-openapi.yaml.

import type { components } from "./types";

type Schemas = components["schemas"];

/** Permissions: the rights of the account. */
export type Rights = Schemas["Rights"];
export type Session = Schemas["SignedIn"];
export type Me = Schemas["Me"];
export type Timeline = Schemas["Timeline"];
export type Folder = Schemas["Folder"];
export type People = Schemas["People"];
export type Person = Schemas["Person"];
export type PersonDetails = Schemas["PersonDetails"];
export type PersonChange = Schemas["PersonChange"];
export type PeopleEdited = Schemas["PeopleEdited"];
export type PersonFaces = Schemas["PersonFaces"];
export type ItemFaces = Schemas["ItemFaces"];
export type ItemFace = Schemas["Face"];
/** A question about people: is a face a person, or are two people one? */
export type Question = Schemas["Question"];
export type QuestionSide = Schemas["QuestionSide"];
export type QuestionAnswer = Schemas["QuestionAnswer"]["answer"];
/** Why a face has its person, or none. */
export type Why = Schemas["Why"];
/** The picture of a list entry; for a person with the box of the face. */
export type Cover = Schemas["Cover"];
/** A tag, a subject or a place, with the search that finds its items. */
export type Named = Schemas["Named"];
export type Places = Schemas["Places"];
export type MapAnswer = Schemas["Map"];
/** Photos that are close together on a map. */
export type Cluster = MapAnswer["clusters"][number];
export type Album = Schemas["Album"];
export type Suggestion = Schemas["Suggestions"]["suggestions"][number];
export type Failure = Schemas["Failure"];
export type Failures = Schemas["Failures"];
export type Facets = Schemas["Facets"];
/** The result of an edit, and the token to undo it. */
export type Edited = Schemas["ItemEdited"];

/** The keys of `albumen show --json` that the application reads; docs/facts.md describes them. */
export interface Item {
  readonly id: number;
  readonly space: string;
  readonly folder: string;
  readonly name: string;
  readonly kind: "photo" | "video";
  readonly format?: string;
  readonly bytes: number;
  readonly display_width?: number;
  readonly display_height?: number;
  readonly duration_s?: number;
  readonly taken?: {
    readonly local: string;
    readonly precision?: string;
    readonly source: string;
    readonly offset?: string;
    /** Dates that were found and not used. */
    readonly rejected?: readonly { readonly source: string; readonly value: string; readonly why: string }[];
  };
  readonly camera?: {
    readonly make?: string;
    readonly model?: string;
    readonly lens?: string;
    readonly iso?: number;
    readonly f_number?: number;
    readonly exposure_s?: number;
    readonly focal_mm?: number;
  };
  readonly place?: { readonly city?: string; readonly region?: string; readonly country?: string };
  readonly gps?: { readonly lat: number; readonly lon: number };
  readonly title?: string;
  readonly description?: string;
  readonly rating?: number;
  readonly favourite?: boolean;
  readonly tags: readonly string[];
  readonly pano?: { readonly projection: string; readonly is_360: boolean };
  readonly motion?: {
    readonly kind: string;
    readonly video_offset?: number;
    readonly video_length?: number;
    readonly pair?: string;
  };
  readonly faces?: readonly {
    readonly id?: number;
    /** x, y, width, height as fractions of the picture. */
    readonly box?: readonly number[];
    readonly person?: { readonly id: string; readonly name?: string };
  }[];
  readonly subjects?: readonly { readonly label: string; readonly score: number }[];
  readonly derivatives?: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
  }[];
  readonly rights: Rights;
}
