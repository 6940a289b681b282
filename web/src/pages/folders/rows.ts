// The rows of a folder's list: name, date, pixels and size of each file.

import { api, type List } from "../../api/client";
import type { Item } from "../../api/shapes";
import type { ListSource } from "../../grid/photo-list";
import type { RowTexts } from "../../grid/tile";
import { language, t } from "../../i18n";
import { momentInShort } from "../../lib/dates";
import { size } from "../viewer/format";

/** Maximum number of items of a response. */
const MOST = 500;

export function textsOf(item: Item): RowTexts {
  const { display_width: width, display_height: height } = item;
  return {
    name: item.name,
    date: item.taken ? momentInShort(item.taken.local, language.value) : "",
    pixels: width && height ? t("info.pixels", { width, height }) : "",
    size: size(item.bytes, language.value),
  };
}

export function rowsOf(list: List): NonNullable<ListSource["rows"]> {
  return (model) => async (positions, signal) => {
    const offset = Math.min(...positions);
    const limit = Math.min(MOST, Math.max(...positions) + 1 - offset);
    const { items } = await api.items(list, { offset, limit }, signal);
    // By id: an item that was removed meanwhile moves those after it.
    const texts = new Map(items.map((item) => [item.id, textsOf(item)]));
    const found = new Map<number, RowTexts>();
    for (const position of positions) {
      const text = texts.get(model.item(position)?.id ?? -1);
      if (text) found.set(position, text);
    }
    return found;
  };
}
