// Shapes of answers that the first pages use. `npm run types` makes types.ts from docs/portal-openapi.yaml; these names
// stand for its schemas.

export type Right = "view" | "download" | "upload" | "manage";
/** What one may do: the rights that one has. */
export type Rights = readonly Right[];

export interface Account {
  readonly name: string;
  readonly display_name: string;
  readonly admin: boolean;
}

export interface Session {
  readonly account: Account;
}

export interface Space {
  readonly name: string;
  readonly kind: "personal" | "shared";
  readonly rights: Rights;
}

export interface Me {
  readonly account: Account & { readonly language?: string; readonly second_factor?: boolean };
  readonly spaces: readonly Space[];
}

export interface Timeline {
  readonly days: readonly { readonly day: string; readonly count: number }[];
  readonly undated: number;
  readonly version: string;
}

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

/** What an edit did, and the word that takes it back. */
export interface Edited {
  readonly changed: number;
  readonly undo?: string;
}

export interface Folder {
  readonly space: string;
  readonly path: string;
  readonly items: number;
  readonly folders: readonly {
    readonly name: string;
    readonly path: string;
    readonly items: number;
    readonly cover?: { readonly id: number; readonly key: number };
  }[];
}

export interface People {
  readonly people: readonly {
    readonly id: string;
    readonly name?: string;
    readonly items: number;
    readonly cover?: {
      readonly id: number;
      readonly key: number;
      readonly box: readonly [number, number, number, number];
    };
  }[];
}

export interface Cover {
  readonly id: number;
  readonly key: number;
}

/** A tag, a subject, a place: with the search that finds its items. */
export interface Named {
  readonly name: string;
  readonly items: number;
  readonly query?: string;
  readonly cover?: Cover;
}

export interface Places {
  readonly countries: readonly (Named & {
    readonly code: string;
    readonly regions: readonly (Named & { readonly cities: readonly Named[] })[];
  })[];
}

export interface Album {
  readonly id: number;
  readonly name: string;
  readonly description?: string;
  readonly owner: string;
  readonly items: number;
  readonly query?: string;
  readonly cover?: Cover;
  readonly rights: Rights;
}

export interface Suggestion {
  readonly kind: "person" | "country" | "region" | "city" | "tag" | "subject" | "folder" | "album";
  readonly name: string;
  readonly query?: string;
  readonly person?: string;
  readonly space?: string;
  readonly path?: string;
  readonly id?: number;
}

export interface Facets {
  readonly items: number;
  readonly facets: Readonly<
    Record<
      string,
      readonly {
        readonly value: string;
        readonly name?: string;
        readonly items: number;
        readonly query?: string;
      }[]
    >
  >;
}
