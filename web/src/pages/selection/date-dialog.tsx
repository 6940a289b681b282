// Changes capture dates: sets all to one time, or shifts all by the same amount, which keeps the intervals between
// them.

import { useState } from "preact/hooks";
import type { Change } from "../../api/client";
import { t } from "../../i18n";
import { Dialog } from "../../ui/dialog";
import { seconds } from "../viewer/editing";
import { shiftOf } from "./shift";

export function DateDialog(props: { count: number; close: () => void; save: (change: Change) => void }) {
  const [taken, setTaken] = useState("");
  const [days, setDays] = useState("");
  const [hours, setHours] = useState("");
  const [minutes, setMinutes] = useState("");
  const shift = shiftOf(Number(days), Number(hours), Number(minutes));
  const number = (label: string, name: string, value: string, set: (value: string) => void) => (
    <label class="field">
      <span>{label}</span>
      <input
        class="input"
        name={name}
        type="number"
        step="1"
        value={value}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
  return (
    <Dialog title={t("edit.date")} close={props.close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (taken !== "") props.save({ set: { taken: seconds(taken) } });
        }}
      >
        <label class="field">
          <span>{t("date.set", { count: props.count })}</span>
          <input
            class="input"
            name="taken"
            type="datetime-local"
            step="1"
            value={taken}
            onInput={(event) => setTaken(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button is-primary" disabled={taken === ""}>
          {t("date.setNow")}
        </button>
      </form>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (shift !== undefined) props.save({ shift_taken: shift });
        }}
      >
        <p>{t("date.shift")}</p>
        <div class="shift">
          {number(t("date.days"), "days", days, setDays)}
          {number(t("date.hours"), "hours", hours, setHours)}
          {number(t("date.minutes"), "minutes", minutes, setMinutes)}
        </div>
        <button type="submit" class="button" disabled={shift === undefined}>
          {t("date.shiftNow")}
        </button>
      </form>
    </Dialog>
  );
}
