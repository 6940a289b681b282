// The keys of a page with their functions.

import { t } from "../i18n";
import { Dialog } from "./dialog";

export function KeyList({
  rows,
  close,
}: {
  rows: readonly (readonly [key: string, what: string])[];
  close: () => void;
}) {
  return (
    <Dialog title={t("keys.title")} close={close}>
      <dl class="keys">
        {rows.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
