// Shapes of answers that the first pages use. `npm run types` makes types.ts from docs/portal-openapi.yaml; these names
// stand for its schemas.

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
  /** `view`, `download`, `upload`, `manage`: those that there are. */
  readonly rights: readonly string[];
}

export interface Me {
  readonly account: Account & { readonly language?: string };
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
  readonly tags: readonly string[];
  readonly derivatives?: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
  }[];
  /** `view`, `download`, `upload`, `manage`: those that there are. */
  readonly rights: readonly string[];
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
