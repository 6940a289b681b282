// Short messages at the lower edge: the result with an undo action, or an error.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./icons";

interface Message {
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
}

const message = signal<Message | undefined>(undefined);

/** Milliseconds that a message stays; one with an action stays longer. */
const STAY = 5000;
const STAY_WITH_ACTION = 10_000;

/** Shows a message, replacing the previous one. */
export function announce(text: string, action?: Message["action"]): void {
  message.value = { text, ...(action ? { action } : {}) };
}

export function Toasts() {
  const shown = message.value;
  useEffect(() => {
    if (!shown) return;
    const timer = setTimeout(
      () => {
        message.value = undefined;
      },
      shown.action ? STAY_WITH_ACTION : STAY,
    );
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div role="status" class="toasts">
      {shown && (
        <div class="toast">
          <span>{shown.text}</span>
          {shown.action && (
            <button
              type="button"
              class="toast-action"
              onClick={() => {
                message.value = undefined;
                shown.action?.run();
              }}
            >
              {shown.action.label}
            </button>
          )}
          <button
            type="button"
            class="icon-button"
            aria-label={t("toast.close")}
            onClick={() => {
              message.value = undefined;
            }}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
