// Navigation: the three tabs of a phone, and the collections below the third, which a wide screen lists, too.

import type { Key } from "./i18n";
import type { IconName } from "./ui/icons";

export interface Destination {
  readonly path: string;
  readonly label: Key;
  readonly icon: IconName;
}

export const tabs: readonly Destination[] = [
  { path: "photos", label: "tab.photos", icon: "photos" },
  { path: "folders", label: "tab.folders", icon: "folder" },
  { path: "albums", label: "tab.albums", icon: "albums" },
];

export const collections: readonly Destination[] = [
  { path: "people", label: "tab.people", icon: "people" },
  { path: "places", label: "tab.places", icon: "place" },
  { path: "subjects", label: "tab.subjects", icon: "subject" },
  { path: "tags", label: "tab.tags", icon: "tag" },
  { path: "favourites", label: "tab.favourites", icon: "heart" },
  { path: "videos", label: "tab.videos", icon: "video" },
  { path: "recent", label: "tab.recent", icon: "recent" },
];
