// Sets the position of items: by a click on a map, or as text; or removes it.

import { useState } from "preact/hooks";
import { t } from "../../i18n";
import type { PickProps } from "../../map/pick";
import { type Position, positionOf, positionText } from "../../map/position";
import { Dialog } from "../../ui/dialog";
import { lazily } from "../../ui/lazy";

const PositionMap = lazily<PickProps>(async () => (await import("../../map/pick")).PositionMap);

/** The position that was set last: the next one is often close to it. */
let last: Position | undefined;

export function PositionDialog(props: {
  count: number;
  /** The position of the item, if it is one; `undefined`: it has none. Absent for a selection. */
  at?: Position | undefined;
  close: () => void;
  save: (position: Position | null) => void;
}) {
  const [text, setText] = useState(props.at ? positionText(props.at) : "");
  const position = positionOf(text);
  const isWrong = position === undefined && text.trim() !== "";
  return (
    <Dialog title={t("position.title")} close={props.close} isWide>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!position) return;
          last = position;
          props.save(position);
        }}
      >
        <p>{t("position.hint", { count: props.count })}</p>
        <div class="position-map">
          <PositionMap at={position} start={last} choose={(to) => setText(positionText(to))} />
        </div>
        <label class="field">
          <span>{t("position.text")}</span>
          <input
            class="input"
            name="position"
            autocomplete="off"
            value={text}
            placeholder="48.13743, 11.57549"
            aria-invalid={isWrong}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          {isWrong && <small role="alert">{t("position.wrong")}</small>}
        </label>
        <div class="dialog-actions">
          {(props.at || !("at" in props)) && (
            <button type="button" class="button" onClick={() => props.save(null)}>
              {t("position.remove")}
            </button>
          )}
          <button type="submit" class="button is-primary" disabled={!position}>
            {t("edit.save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
